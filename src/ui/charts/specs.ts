/** Which charts there are, what they draw, and what their figures mean. Plain data. */

export interface LineSpec {
  key: string;
  /** Told apart from the chart's main line in words and by a thinner, dashed stroke. */
  label?: string;
  minor?: boolean;
}

export interface ChartSpec {
  id: string;
  title: string;
  unit: string;
  /** One line for people: what it is and how to read it. */
  help: string;
  lines: readonly LineSpec[];
  /** Lower and upper end of the main line's 95 % interval. */
  band?: readonly [string, string];
  /** Shown as per cent. */
  percent?: boolean;
  /** Fixed or least range of the y axis. */
  range?: readonly [number, number];
  /** Every value is a measurement of its own (an evaluation): marked, never smoothed. */
  points?: boolean;
  /** Shares of reward 1, 0.1 and 0, stacked behind the lines for one run. */
  shares?: readonly [string, string, string];
  /** The metric that says how many things each value was measured on. */
  count?: string;
  /** What stands in the empty chart. */
  empty: string;
}

const NOT_YET = 'No values yet.';
const PPO_ONLY = 'ReFT logs this from its first PPO step.';

export const MAIN_CHARTS: readonly ChartSpec[] = [
  {
    id: 'reward',
    title: 'Reward',
    unit: 'mean of a rollout',
    help: '1 for a right answer, 0.1 for one that can be read but is wrong, 0 for none. Areas: share of completions with each reward.',
    lines: [{ key: 'objective/scores' }],
    shares: ['reward/correct', 'reward/partial', 'reward/none'],
    range: [0, 1],
    empty: PPO_ONLY,
  },
  {
    id: 'accuracy',
    title: 'Accuracy',
    unit: 'validation problems, greedy',
    help: 'Share of validation problems answered right, decoding greedily. The band is the 95 % Wilson interval.',
    lines: [{ key: 'eval/accuracy' }],
    band: ['eval/accuracy_low', 'eval/accuracy_high'],
    count: 'eval/n',
    percent: true,
    points: true,
    empty: 'No evaluation yet.',
  },
  {
    id: 'kl',
    title: 'KL to reference',
    unit: 'nats a completion',
    help: 'How far the policy has moved from the warm-up checkpoint: mean over completions of the sum of log p \u2212 log p_ref.',
    lines: [{ key: 'objective/kl' }],
    empty: PPO_ONLY,
  },
  {
    id: 'loss',
    title: 'Loss',
    unit: 'nats a token',
    help: 'Cross-entropy of the given solutions: SFT, and the warm-up of ReFT. Dashed: the policy loss of PPO, whose level means little.',
    lines: [{ key: 'loss' }, { key: 'loss/policy_avg', label: 'policy loss', minor: true }],
    empty: NOT_YET,
  },
];

export const MORE_CHARTS: readonly ChartSpec[] = [
  {
    id: 'policy_loss',
    title: 'Policy loss',
    unit: '',
    help: 'Mean of max(\u2212A r, \u2212A clip(r, 1 \u00b1 cliprange)) over the minibatches of a step.',
    lines: [{ key: 'loss/policy_avg' }],
    empty: PPO_ONLY,
  },
  {
    id: 'value_loss',
    title: 'Value loss',
    unit: '',
    help: 'Half the larger of the squared errors of value and clipped value against the return.',
    lines: [{ key: 'loss/value_avg' }],
    empty: PPO_ONLY,
  },
  {
    id: 'clip_fraction',
    title: 'Clip fraction',
    unit: 'of completion tokens',
    help: 'Share of tokens whose probability ratio was clipped. Dashed: share of clipped values.',
    lines: [{ key: 'policy/clipfrac_avg' }, { key: 'val/clipfrac_avg', label: 'values', minor: true }],
    percent: true,
    empty: PPO_ONLY,
  },
  {
    id: 'entropy',
    title: 'Entropy',
    unit: 'nats a token',
    help: 'Mean entropy of the next-token distribution. Near zero the policy no longer explores. Dashed: on the given solutions (SFT, warm-up).',
    lines: [{ key: 'objective/entropy' }, { key: 'entropy', label: 'given solutions', minor: true }],
    empty: NOT_YET,
  },
  {
    id: 'explained_variance',
    title: 'Explained variance',
    unit: 'of the returns',
    help: '1 \u2212 Var(return \u2212 value) / Var(return). Below 0 the value head knows less than its mean would.',
    lines: [{ key: 'value/explained_variance' }],
    empty: PPO_ONLY,
  },
  {
    id: 'grad_norm',
    title: 'Gradient norm',
    unit: 'before clipping',
    help: 'Global L2 norm of all gradients.',
    lines: [{ key: 'grad_norm' }],
    empty: NOT_YET,
  },
  {
    id: 'token_accuracy',
    title: 'Token accuracy',
    unit: 'given solutions',
    help: 'Share of the solution tokens that are the most likely next token.',
    lines: [{ key: 'mean_token_accuracy' }],
    percent: true,
    empty: NOT_YET,
  },
  {
    id: 'length',
    title: 'Completion length',
    unit: 'tokens',
    help: 'Mean length of the sampled completions, end of text included.',
    lines: [{ key: 'rollout/length' }],
    empty: PPO_ONLY,
  },
  {
    id: 'truncated',
    title: 'Truncated',
    unit: 'of completions',
    help: 'Share of sampled completions cut at the length limit.',
    lines: [{ key: 'rollout/truncated' }],
    percent: true,
    empty: PPO_ONLY,
  },
  {
    id: 'learning_rate',
    title: 'Learning rate',
    unit: '',
    help: 'What the schedule gives at this step.',
    lines: [{ key: 'learning_rate' }],
    empty: NOT_YET,
  },
];
