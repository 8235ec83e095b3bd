/** Trips, books, rows of seats, buses and gardens: stories of the standard level about places and measures. */
import { STANDARD, step, type Draw, type Template } from '../template';

const reading = (draw: Draw) => {
  const daily = draw.some();
  const days = draw.few();
  return { pages: daily * days + draw.some(), daily, days };
};
const seats = (draw: Draw) => ({ rows: draw.some(), in_row: draw.few() });

export const STANDARD_PLACES: readonly Template[] = [
  {
    id: 'trips.distance',
    levels: STANDARD,
    numbers: (draw) => ({ speed: draw.some(), hours: draw.few(), walk: draw.few() }),
    body: ['{name} drives {hours} hours at {speed} km an hour.', 'Then {he} walks {walk} km.'],
    ask: 'How many km does {name} travel?',
    steps: [
      step('drive', 'speed * hours', '{name} drives {} km.'),
      step('all', 'drive + walk', '{name} travels {} km.'),
    ],
  },
  {
    id: 'trips.left',
    levels: STANDARD,
    numbers: (draw) => {
      const speed = draw.some();
      const hours = draw.few();
      return { way: speed * hours + draw.some(), hours, speed };
    },
    body: ['{name} has to drive {way} km.', '{He} drives {hours} hours at {speed} km an hour.'],
    ask: 'How many km are left?',
    steps: [
      step('done', 'speed * hours', '{name} drives {} km.'),
      step('left', 'way - done', '{} km are left.'),
    ],
  },
  {
    id: 'trips.speed',
    levels: STANDARD,
    numbers: (draw) => {
      const hours = draw.few();
      const speed = draw.some();
      const first = draw.int(5, speed * hours - 5);
      return { first, second: speed * hours - first, hours };
    },
    body: ['{name} drives {first} km and then {second} km.', 'It takes {hours} hours.'],
    ask: 'How many km does {name} drive in an hour?',
    steps: [
      step('way', 'first + second', '{name} drives {} km.'),
      step('speed', 'way / hours', '{name} drives {} km an hour.'),
    ],
  },
  {
    id: 'reading.left',
    levels: STANDARD,
    numbers: reading,
    body: ['A book has {pages} pages.', '{name} reads {daily} pages a day for {days} days.'],
    ask: 'How many pages are left?',
    steps: [
      step('read', 'daily * days', '{name} reads {} pages.'),
      step('left', 'pages - read', '{} pages are left.'),
    ],
  },
  {
    id: 'reading.two_days',
    levels: STANDARD,
    numbers: (draw) => ({ pages: draw.many(), first: draw.some(), more: draw.few() }),
    body: [
      'A book has {pages} pages.',
      '{name} reads {first} pages on Monday and {more} more than that on Tuesday.',
    ],
    ask: 'How many pages are left?',
    steps: [
      step('second', 'first + more', 'On Tuesday {name} reads {} pages.'),
      step('read', 'first + second', '{name} reads {} pages.'),
      step('left', 'pages - read', '{} pages are left.'),
    ],
  },
  {
    id: 'reading.days',
    levels: STANDARD,
    numbers: (draw) => {
      const daily = draw.few() + 1;
      const done = draw.some();
      return { pages: done + daily * draw.some(), done, daily };
    },
    body: ['A book has {pages} pages.', '{name} has read {done} and reads {daily} pages a day.'],
    ask: 'How many more days does {name} need?',
    steps: [
      step('left', 'pages - done', '{} pages are left.'),
      step('days', 'left / daily', '{name} needs {} days.'),
    ],
  },
  {
    id: 'seats.free',
    levels: STANDARD,
    numbers: (draw) => ({ ...seats(draw), taken: draw.some() }),
    body: ['A hall has {rows} rows of {in_row} seats.', '{taken} seats are taken.'],
    anyOrder: true,
    ask: 'How many seats are free?',
    steps: [
      step('all', 'rows * in_row', 'The hall has {} seats.'),
      step('free', 'all - taken', '{} seats are free.'),
    ],
  },
  {
    id: 'seats.rows',
    levels: STANDARD,
    numbers: (draw) => {
      const in_row = draw.few();
      const adults = draw.int(4, 40);
      return { adults, children: in_row * draw.some() - adults, in_row };
    },
    body: ['{adults} adults and {children} children come to a hall.', 'Each row has {in_row} seats.'],
    anyOrder: true,
    ask: 'How many rows do they fill?',
    steps: [
      step('people', 'adults + children', '{} people come.'),
      step('rows', 'people / in_row', 'They fill {} rows.'),
    ],
  },
  {
    id: 'bus.stop',
    levels: STANDARD,
    numbers: (draw) => ({ start: draw.many(), off: draw.some(), on: draw.some() }),
    body: ['A train has {start} people.', '{off} people get off and {on} people get on.'],
    ask: 'How many people are on the train now?',
    steps: [
      step('stay', 'start - off', '{} people stay.'),
      step('now', 'stay + on', 'Now the train has {} people.'),
    ],
  },
  {
    id: 'bus.cars',
    levels: STANDARD,
    numbers: (draw) => ({ cars: draw.few(), each: draw.some(), off: draw.some(), on: draw.some() }),
    body: [
      'A train has {cars} cars with {each} people each.',
      '{off} people get off and {on} people get on.',
    ],
    ask: 'How many people are on the train now?',
    steps: [
      step('start', 'each * cars', 'The train has {} people.'),
      step('stay', 'start - off', '{} people stay.'),
      step('now', 'stay + on', 'Now the train has {} people.'),
    ],
  },
  {
    id: 'garden.fence',
    levels: STANDARD,
    numbers: (draw) => ({ length: draw.some(), width: draw.some() }),
    body: ['A garden is {length} m long and {width} m wide.'],
    ask: 'How many m of fence go around it?',
    steps: [
      step('half', 'length + width', 'Two sides are {} m.'),
      step('fence', 'half * 2', 'The fence is {} m.'),
    ],
  },
  {
    id: 'garden.rows',
    levels: STANDARD,
    numbers: (draw) => ({ rows: draw.few(), in_row: draw.some(), dead: draw.few(), extra: draw.few() }),
    body: [
      '{name} plants {rows} rows of {in_row} trees.',
      '{dead} trees die and {name} plants {extra} more.',
    ],
    ask: 'How many trees are there now?',
    steps: [
      step('trees', 'in_row * rows', '{name} plants {} trees.'),
      step('alive', 'trees - dead', '{} trees live.'),
      step('now', 'alive + extra', 'Now there are {} trees.'),
    ],
  },
];
