/** Ages, halves and doubles, recipes, units and teams: longer chains for the standard level. */
import { STANDARD, step, type Template } from '../template';

export const STANDARD_CHAINS: readonly Template[] = [
  {
    id: 'ages.sum',
    levels: STANDARD,
    numbers: (draw) => ({ age: draw.int(4, 20), times: draw.int(2, 4), years: draw.int(2, 15) }),
    body: [
      '{name} is {age} years old.',
      '{other} is {times} times as old as {name}.',
      '{third} is {years} years older than {other}.',
    ],
    ask: 'How old is {third}?',
    steps: [
      step('second', 'age * times', '{other} is {} years old.'),
      step('last', 'second + years', '{third} is {} years old.'),
    ],
  },
  {
    id: 'ages.later',
    levels: STANDARD,
    numbers: (draw) => ({ age: draw.int(4, 40), gap: draw.int(2, 30), years: draw.int(2, 20) }),
    body: ['{name} is {age} years old.', '{other} is {gap} years older.'],
    ask: 'How old is {other} in {years} years?',
    steps: [
      step('second', 'age + gap', '{other} is {} years old.'),
      step('later', 'second + years', 'In {years} years {other} is {} years old.'),
    ],
  },
  {
    id: 'halves.double',
    levels: STANDARD,
    numbers: (draw) => ({ first: draw.some(), gap: draw.some() }),
    body: [
      '{name} has {first} {things}.',
      '{other} has twice as many.',
      '{third} has {gap} more than {other}.',
    ],
    ask: 'How many {things} do they have together?',
    steps: [
      step('second', 'first * 2', '{other} has {} {things}.'),
      step('last', 'second + gap', '{third} has {} {things}.'),
      step('pair', 'first + second', '{name} and {other} have {} {things}.'),
      step('all', 'pair + last', 'Together they have {} {things}.'),
    ],
  },
  {
    id: 'halves.half',
    levels: STANDARD,
    numbers: (draw) => ({ first: 2 * draw.some(), gap: draw.few() }),
    body: [
      '{name} has {first} {things}.',
      '{other} has half as many.',
      '{third} has {gap} more than {other}.',
    ],
    ask: 'How many {things} does {third} have?',
    steps: [
      step('second', 'first / 2', '{other} has {} {things}.'),
      step('last', 'second + gap', '{third} has {} {things}.'),
    ],
  },
  {
    id: 'halves.sold',
    levels: STANDARD,
    numbers: (draw) => ({ start: 2 * draw.some(), later: draw.few() }),
    body: ['{name} has {start} {things}.', '{He} sells half of them and then {later} more.'],
    ask: 'How many {things} does {name} have left?',
    steps: [
      step('half', 'start / 2', '{name} sells {} {things} first.'),
      step('left', 'half - later', '{name} has {} {things} left.'),
    ],
  },
  {
    id: 'recipe.scale',
    levels: STANDARD,
    weight: 0.5,
    numbers: (draw) => {
      const cakes = draw.few();
      return { cakes, eggs: cakes * draw.few(), more: draw.some() };
    },
    body: ['{name} needs {eggs} eggs for {cakes} cakes.'],
    ask: 'How many eggs does {name} need for {more} cakes?',
    steps: [
      step('each', 'eggs / cakes', 'One cake needs {} eggs.'),
      step('all', 'more * each', '{more} cakes need {} eggs.'),
    ],
  },
  {
    id: 'recipe.buy',
    levels: STANDARD,
    numbers: (draw) => {
      const eggs = draw.few();
      const cakes = draw.some();
      return { cakes, eggs, have: draw.int(5, eggs * cakes - 1) };
    },
    body: ['{name} bakes {cakes} cakes with {eggs} eggs each.', '{name} has {have} eggs.'],
    anyOrder: true,
    ask: 'How many eggs must {name} buy?',
    steps: [
      step('need', 'cakes * eggs', '{name} needs {} eggs.'),
      step('buy', 'need - have', '{name} must buy {} eggs.'),
    ],
  },
  {
    id: 'units.dozen',
    levels: STANDARD,
    numbers: (draw) => ({ dozens: draw.few(), used: draw.few(), more: draw.some() }),
    body: ['{name} buys {dozens} dozen eggs.', '{He} uses {used} of them and gets {more} from {other}.'],
    ask: 'How many eggs does {name} have?',
    steps: [
      step('eggs', 'dozens * 12', '{name} buys {} eggs.'),
      step('kept', 'eggs - used', '{name} keeps {} eggs.'),
      step('all', 'kept + more', '{name} has {} eggs.'),
    ],
  },
  {
    id: 'units.weeks',
    levels: STANDARD,
    numbers: (draw) => ({ daily: draw.some(), weeks: draw.few(), sold: draw.some() }),
    body: ['{name} makes {daily} {things} every day for {weeks} weeks.', '{He} sells {sold} of them.'],
    ask: 'How many {things} does {name} have left?',
    steps: [
      step('weekly', 'daily * 7', '{name} makes {} {things} a week.'),
      step('all', 'weekly * weeks', '{name} makes {} {things}.'),
      step('left', 'all - sold', '{name} has {} {things} left.'),
    ],
  },
  {
    id: 'units.minutes',
    levels: STANDARD,
    weight: 0.5,
    numbers: (draw) => ({ hours: draw.few(), minutes: draw.int(5, 55) }),
    body: ['{name} works {hours} hours and {minutes} minutes.'],
    ask: 'How many minutes does {name} work?',
    steps: [
      step('long', 'hours * 60', '{hours} hours are {} minutes.'),
      step('all', 'long + minutes', '{name} works {} minutes.'),
    ],
  },
  {
    id: 'teams.size',
    levels: STANDARD,
    numbers: (draw) => {
      const teams = draw.few();
      const boys = draw.int(5, 60);
      return { boys, girls: teams * draw.some() - boys, teams };
    },
    body: ['{boys} boys and {girls} girls form {teams} equal teams.'],
    ask: 'How many children are in each team?',
    steps: [
      step('children', 'boys + girls', 'There are {} children.'),
      step('each', 'children / teams', 'Each team has {} children.'),
    ],
  },
  {
    id: 'teams.points',
    levels: STANDARD,
    numbers: (draw) => ({ goals: draw.some(), points: draw.few(), lost: draw.few() }),
    body: ['{name} gets {points} points for each of {goals} goals.', '{He} loses {lost} points.'],
    ask: 'How many points does {name} have?',
    steps: [
      step('won', 'goals * points', '{name} gets {} points.'),
      step('left', 'won - lost', '{name} has {} points.'),
    ],
  },
  {
    id: 'teams.four_games',
    levels: STANDARD,
    numbers: (draw) => ({ first: draw.some(), more: draw.few(), times: draw.int(2, 4), lost: draw.few() }),
    body: [
      '{name} has {first} points.',
      '{other} has {more} more points than {name}.',
      '{third} has {times} times as many as {other} but loses {lost}.',
    ],
    ask: 'How many points do {name} and {third} have together?',
    steps: [
      step('second', 'first + more', '{other} has {} points.'),
      step('high', 'second * times', '{third} gets {} points.'),
      step('last', 'high - lost', '{third} keeps {} points.'),
      step('both', 'first + last', 'Together they have {} points.'),
    ],
  },
];
