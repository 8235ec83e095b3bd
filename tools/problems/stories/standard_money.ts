/** Wages, savings, trips and tickets: stories of the standard level told in money. */
import { STANDARD, step, type Draw, type Template } from '../template';

const wage = (draw: Draw) => ({ pay: draw.some(), hours: draw.few() });
const earns = '{name} earns {pay} dollars an hour and works {hours} hours a day.';
const dayPay = step('day_pay', 'pay * hours', '{name} earns {} dollars a day.');
const saving = (draw: Draw) => {
  const weekly = draw.few() + 1;
  const saved = draw.some();
  return { goal: saved + weekly * draw.some(), saved, weekly };
};

export const STANDARD_MONEY: readonly Template[] = [
  {
    id: 'wages.day',
    levels: STANDARD,
    numbers: (draw) => ({ ...wage(draw), spent: draw.some() }),
    body: [earns, '{He} spends {spent} dollars of it.'],
    ask: 'How many dollars does {name} have left after one day?',
    steps: [dayPay, step('left', 'day_pay - spent', '{name} has {} dollars left.')],
  },
  {
    id: 'wages.days',
    levels: STANDARD,
    numbers: (draw) => ({ pay: draw.int(5, 20), hours: draw.few(), days: draw.few() }),
    body: [earns],
    ask: 'How many dollars does {name} earn in {days} days?',
    steps: [dayPay, step('all', 'day_pay * days', 'In {days} days {name} earns {} dollars.')],
  },
  {
    id: 'wages.bonus',
    levels: STANDARD,
    numbers: (draw) => ({ pay: draw.some(), hours: draw.few(), bonus: draw.some(), rent: draw.some() }),
    body: [earns, 'Today {he} also gets a bonus of {bonus} dollars.', '{name} pays {rent} dollars for food.'],
    ask: 'How many dollars does {name} have left today?',
    steps: [
      dayPay,
      step('all', 'day_pay + bonus', 'With the bonus {name} gets {} dollars.'),
      step('left', 'all - rent', '{name} has {} dollars left.'),
    ],
  },
  {
    id: 'savings.weeks',
    levels: STANDARD,
    numbers: saving,
    body: [
      '{name} wants a bike for {goal} dollars.',
      '{He} has {saved} dollars and saves {weekly} dollars a week.',
    ],
    ask: 'How many weeks does {name} need?',
    steps: [
      step('missing', 'goal - saved', '{name} needs {} more dollars.'),
      step('weeks', 'missing / weekly', '{name} needs {} weeks.'),
    ],
  },
  {
    id: 'savings.after',
    levels: STANDARD,
    numbers: (draw) => ({ saved: draw.some(), weekly: draw.some(), weeks: draw.few() }),
    body: ['{name} has {saved} dollars.', '{name} saves {weekly} dollars a week.'],
    anyOrder: true,
    ask: 'How many dollars does {name} have after {weeks} weeks?',
    steps: [
      step('new', 'weekly * weeks', '{name} saves {} dollars.'),
      step('all', 'new + saved', '{name} has {} dollars.'),
    ],
  },
  {
    id: 'savings.goal',
    levels: STANDARD,
    numbers: (draw) => {
      const weekly = draw.some();
      const weeks = draw.few();
      const saved = draw.some();
      return { goal: weekly * weeks + saved + draw.some(), saved, weekly, weeks };
    },
    body: [
      '{name} wants a bike for {goal} dollars.',
      '{He} has {saved} dollars and saves {weekly} dollars a week for {weeks} weeks.',
    ],
    ask: 'How many dollars are still missing?',
    steps: [
      step('new', 'weekly * weeks', '{name} saves {} dollars.'),
      step('all', 'new + saved', '{name} has {} dollars.'),
      step('missing', 'goal - all', '{} dollars are missing.'),
    ],
  },
  {
    id: 'tickets.family',
    levels: STANDARD,
    numbers: (draw) => ({
      adults: draw.few(),
      price: draw.some(),
      children: draw.few(),
      child_price: draw.few(),
    }),
    body: ['A ticket costs {price} dollars for adults and {child_price} dollars for children.'],
    ask: 'How many dollars do {adults} adults and {children} children pay?',
    steps: [
      step('adult_cost', 'price * adults', 'The adults pay {} dollars.'),
      step('child_cost', 'child_price * children', 'The children pay {} dollars.'),
      step('all', 'adult_cost + child_cost', 'Together they pay {} dollars.'),
    ],
  },
  {
    id: 'tickets.split',
    levels: STANDARD,
    numbers: (draw) => {
      const friends = draw.few();
      const each = draw.some();
      const food = draw.some();
      return { rent: friends * each - food, food, friends };
    },
    body: [
      '{friends} friends rent a boat for {rent} dollars.',
      'They buy food for {food} dollars.',
      'They split the cost equally.',
    ],
    ask: 'How many dollars does each friend pay?',
    steps: [
      step('cost', 'rent + food', 'Together they pay {} dollars.'),
      step('each', 'cost / friends', 'Each friend pays {} dollars.'),
    ],
  },
  {
    id: 'selling.profit',
    levels: STANDARD,
    numbers: (draw) => {
      const cost = draw.few();
      return { amount: draw.some(), cost, price: cost + draw.few() };
    },
    body: ['{name} buys {amount} {things} for {cost} dollars each.', '{He} sells each for {price} dollars.'],
    ask: 'How many dollars does {name} gain?',
    steps: [
      step('gain', 'price - cost', '{name} gains {} dollars on each.'),
      step('all', 'amount * gain', '{name} gains {} dollars.'),
    ],
  },
  {
    id: 'selling.two_days',
    levels: STANDARD,
    numbers: (draw) => ({ price: draw.few(), first: draw.some(), second: draw.some() }),
    body: [
      '{name} sells {things} for {price} dollars each.',
      '{He} sells {first} on Monday and {second} on Tuesday.',
    ],
    ask: 'How many dollars does {name} get?',
    steps: [
      step('sold', 'first + second', '{name} sells {} {things}.'),
      step('all', 'sold * price', '{name} gets {} dollars.'),
    ],
  },
];
