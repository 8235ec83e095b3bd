import type { MetricSpec } from './recipe';

/** Columns of metrics.csv; the formula of each stands on the recipe's page in docs/recipes. */
export const commonMetrics: MetricSpec[] = [
  {
    key: 'epoch',
    label: 'Epoch',
    unit: 'epochs',
    help: 'Passes over the training problems so far, the warm-up included.',
  },
  {
    key: 'num_tokens',
    label: 'Tokens trained',
    unit: 'tokens',
    help: 'Completion tokens that carried loss so far, every pass counted.',
  },
  {
    key: 'tokens_generated',
    label: 'Tokens generated',
    unit: 'tokens',
    help: 'Tokens sampled so far, for rollouts and evaluations.',
  },
  {
    key: 'seconds',
    label: 'Time',
    unit: 's',
    help: 'Wall-clock seconds since the run (with its warm-up) began.',
  },
  {
    key: 'time/generate',
    label: 'Time: generate',
    unit: 's',
    help: 'Seconds since the last row in which the GPU sampled completions.',
  },
  {
    key: 'time/score',
    label: 'Time: score',
    unit: 's',
    help: 'Seconds since the last row in which the GPU scored completions under policy and reference.',
  },
  {
    key: 'time/train',
    label: 'Time: update',
    unit: 's',
    help: 'Seconds since the last row in which the GPU trained.',
  },
  {
    key: 'time/evaluate',
    label: 'Time: evaluate',
    unit: 's',
    help: 'Seconds since the last row in which the GPU answered held-out problems.',
  },
  {
    key: 'time/waiting',
    label: 'Time: waiting',
    unit: 's',
    help: 'Seconds since the last row in which the GPU had nothing to do.',
  },
  {
    key: 'time/grade',
    label: 'Time: grade',
    unit: 's',
    help: 'Seconds since the last row in which completions were being graded, beside the others.',
  },
  { key: 'learning_rate', label: 'Learning rate', unit: '', help: 'Learning rate of this step’s update.' },
  {
    key: 'grad_norm',
    label: 'Gradient norm',
    unit: '',
    help: 'Global norm of the gradient before clipping; the mean over a PPO iteration’s updates.',
  },
  {
    key: 'throughput/tokens_per_s',
    label: 'Throughput',
    unit: 'tokens/s',
    help: 'Tokens trained and generated per second since the last row.',
  },
  {
    key: 'eval/accuracy',
    label: 'Held-out accuracy',
    unit: 'share',
    help: 'Share of validation problems answered right, greedily.',
  },
  {
    key: 'eval/accuracy_low',
    label: 'Accuracy, lower end',
    unit: 'share',
    help: 'Lower end of the 95 % Wilson interval.',
  },
  {
    key: 'eval/accuracy_high',
    label: 'Accuracy, upper end',
    unit: 'share',
    help: 'Upper end of the 95 % Wilson interval.',
  },
  { key: 'eval/n', label: 'Validation problems', unit: 'problems', help: 'How many problems were graded.' },
];

export const supervisedMetrics: MetricSpec[] = [
  {
    key: 'loss',
    label: 'Loss',
    unit: 'nats/token',
    help: 'Mean of −log p over the step’s completion tokens, EOS included, before its update.',
  },
  {
    key: 'mean_token_accuracy',
    label: 'Token accuracy',
    unit: 'share',
    help: 'Share of completion tokens that are the model’s first choice.',
  },
  {
    key: 'entropy',
    label: 'Entropy',
    unit: 'nats/token',
    help: 'Mean entropy of the model’s distribution over the step’s completion tokens.',
  },
];

export const ppoMetrics: MetricSpec[] = [
  {
    key: 'objective/kl',
    label: 'KL to reference',
    unit: 'nats/completion',
    help: 'Mean over completions of Σ log π_old − log π_ref.',
  },
  {
    key: 'objective/scores',
    label: 'Reward',
    unit: 'points',
    help: 'Mean score of the rollout’s completions: 1, 0.1 or 0.',
  },
  {
    key: 'objective/rlhf_reward',
    label: 'Reward less KL',
    unit: 'points',
    help: 'Mean of score minus KL penalty.',
  },
  {
    key: 'objective/non_score_reward',
    label: 'KL penalty',
    unit: 'points',
    help: 'Mean over completions of Σ −kl_coef · KL estimate.',
  },
  {
    key: 'objective/entropy',
    label: 'Entropy',
    unit: 'nats/token',
    help: 'Mean entropy of the policy over the rollout’s completion tokens.',
  },
  {
    key: 'reward/correct',
    label: 'Right',
    unit: 'share',
    help: 'Share of completions with the right answer.',
  },
  {
    key: 'reward/partial',
    label: 'Wrong but readable',
    unit: 'share',
    help: 'Share of completions with an answer that is wrong.',
  },
  {
    key: 'reward/none',
    label: 'No answer',
    unit: 'share',
    help: 'Share of completions from which no answer could be read.',
  },
  {
    key: 'loss/policy_avg',
    label: 'Policy loss',
    unit: '',
    help: 'Clipped policy loss, mean over the iteration’s updates.',
  },
  {
    key: 'loss/value_avg',
    label: 'Value loss',
    unit: '',
    help: 'Clipped value loss (with its ½, before vf_coef), mean over the updates.',
  },
  {
    key: 'policy/approxkl_avg',
    label: 'Approximate KL of the update',
    unit: 'nats/token',
    help: 'Mean of ½ (log π − log π_old)² over tokens and updates.',
  },
  {
    key: 'policy/clipfrac_avg',
    label: 'Policy clip fraction',
    unit: 'share',
    help: 'Share of tokens whose policy loss was clipped.',
  },
  {
    key: 'val/clipfrac_avg',
    label: 'Value clip fraction',
    unit: 'share',
    help: 'Share of tokens whose value loss was clipped.',
  },
  { key: 'val/ratio', label: 'Ratio', unit: '', help: 'Mean of π / π_old over tokens and updates.' },
  {
    key: 'val/ratio_var',
    label: 'Variance of the ratio',
    unit: '',
    help: 'Variance of π / π_old over tokens and updates.',
  },
  {
    key: 'value/explained_variance',
    label: 'Explained variance',
    unit: '',
    help: '1 − Var(return − value) / Var(return) over the rollout’s tokens.',
  },
  { key: 'rollout/length', label: 'Length', unit: 'tokens', help: 'Mean completion length, EOS included.' },
  {
    key: 'rollout/truncated',
    label: 'Truncated',
    unit: 'share',
    help: 'Share of completions cut at the limit.',
  },
  {
    key: 'rollout/logp_gap',
    label: 'Sampler gap',
    unit: 'nats',
    help: 'Largest |log p of the sampler − log p of the training forward| in the rollout.',
  },
  {
    key: 'kl_coef',
    label: 'KL coefficient',
    unit: '',
    help: 'In force at this iteration; moves only with adap_kl_ctrl.',
  },
];
