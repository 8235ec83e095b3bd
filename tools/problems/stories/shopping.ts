/** Prices, amounts and change. */
import { EASY_UP, STANDARD, step, type Draw, type Template } from '../template';

const bought = (draw: Draw) => ({ amount: draw.few(), price: draw.some() });
const buys = '{name} buys {amount} {things} for {price} dollars each.';
const cost = step('cost', 'price * amount', 'The {things} cost {} dollars.');
const withMoney = (draw: Draw) => {
  const { amount, price } = bought(draw);
  return { amount, price, money: amount * price + draw.some() };
};

export const SHOPPING: readonly Template[] = [
  {
    id: 'shopping.cost',
    levels: EASY_UP,
    weight: 0.5,
    numbers: bought,
    body: [buys],
    ask: 'How many dollars does {name} pay?',
    steps: [step('cost', 'price * amount', '{name} pays {} dollars.')],
  },
  {
    id: 'shopping.change',
    levels: EASY_UP,
    numbers: withMoney,
    body: ['{name} has {money} dollars.', buys],
    ask: 'How many dollars does {name} have left?',
    steps: [cost, step('left', 'money - cost', '{name} has {} dollars left.')],
  },
  {
    id: 'shopping.price',
    levels: EASY_UP,
    weight: 0.5,
    numbers: (draw) => {
      const amount = draw.few();
      return { cost: amount * draw.some(), amount };
    },
    body: ['{name} pays {cost} dollars for {amount} {things}.'],
    ask: 'How many dollars does one cost?',
    steps: [step('price', 'cost / amount', 'One costs {} dollars.')],
  },
  {
    id: 'shopping.two_kinds',
    levels: STANDARD,
    numbers: (draw) => ({ ...bought(draw), amount_too: draw.few(), price_too: draw.few() }),
    body: [buys, '{name} buys {amount_too} {other_things} for {price_too} dollars each.'],
    anyOrder: true,
    ask: 'How many dollars does {name} pay?',
    steps: [
      cost,
      step('cost_too', 'price_too * amount_too', 'The {other_things} cost {} dollars.'),
      step('all', 'cost + cost_too', '{name} pays {} dollars.'),
    ],
  },
  {
    id: 'shopping.two_kinds_change',
    levels: STANDARD,
    numbers: (draw) => {
      const { amount, price } = bought(draw);
      const amount_too = draw.few();
      const price_too = draw.few();
      return {
        money: amount * price + amount_too * price_too + draw.some(),
        amount,
        price,
        amount_too,
        price_too,
      };
    },
    body: [
      '{name} has {money} dollars.',
      '{He} buys {amount} {things} for {price} dollars each and {amount_too} {other_things} for {price_too} dollars each.',
    ],
    ask: 'How many dollars does {name} have left?',
    steps: [
      cost,
      step('cost_too', 'price_too * amount_too', 'The {other_things} cost {} dollars.'),
      step('all', 'cost + cost_too', 'Together they cost {} dollars.'),
      step('left', 'money - all', '{name} has {} dollars left.'),
    ],
  },
  {
    id: 'shopping.discount',
    levels: STANDARD,
    numbers: (draw) => ({ amount: draw.few(), full: draw.some(), off: draw.few() }),
    body: [
      'One of the {things} costs {full} dollars.',
      'Today each is {off} dollars cheaper.',
      '{name} buys {amount}.',
    ],
    ask: 'How many dollars does {name} pay?',
    steps: [
      step('price', 'full - off', 'Today each costs {} dollars.'),
      step('cost', 'price * amount', '{name} pays {} dollars.'),
    ],
  },
];
