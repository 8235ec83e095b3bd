import type { EvaluationRecord, RunRecord } from './run';

/** What a folder holds: a whole model, the same as ONNX, or an adapter for a base model. */
export type CardFormat = 'hf' | 'onnx' | 'peft';

const LIBRARY: Record<CardFormat, string> = { hf: 'transformers', onnx: 'transformers.js', peft: 'peft' };

const WHAT: Record<CardFormat, string> = {
  hf: 'The weights are `model.safetensors`, in f32.',
  onnx: 'The model is `onnx/model.onnx`, f32, opset 17, with keys and values in and out; transformers.js and onnxruntime-web load it.',
  peft: 'The weights are those of a LoRA adapter, for the base model below.',
};

/**
 * README.md of a model that a run made (https://huggingface.co/docs/hub/model-cards): what it was made from, how, and how
 * well it does, with n and 95 % intervals. Nothing in it is asked of anyone: what the run did not record is not said.
 */
export function modelCard(record: RunRecord, format: CardFormat): string {
  const { name, recipe, preset, model, dataset, eval_dataset, init_from, versions } = record;
  const made: [string, string][] = [
    [
      'Base model',
      `${model.name}, ${model.architecture}, ${model.parameters.toLocaleString('en')} parameters`,
    ],
    ...row('From', originOf(model)),
    ['SHA-256 of its weights', `\`${model.hash}\``],
    ...row('Started from', init_from && `checkpoint ${init_from.checkpoint} of run ${init_from.run}`),
    ['Recipe', `${recipe}, preset ${preset}`],
    [
      'Training data',
      `${dataset.name} (${dataset.format}): ${dataset.train} problems, ${dataset.validation} held out`,
    ],
    ['SHA-256 of the data', `\`${dataset.hash}\``],
    ...row('Test data', eval_dataset && `${eval_dataset.name}, ${eval_dataset.problems} problems`),
    ...row('SHA-256 of the test data', eval_dataset && `\`${eval_dataset.hash}\``),
    ['Weights', kept(record)],
    ['Seed', String(record.seed)],
    ['Adapter', record.adapter],
    ...row(
      'Numerics check before it',
      record.numerics && `${record.numerics.verdict} (${record.numerics.checked})`,
    ),
    ['Made', record.finished ?? record.created],
    [
      'Versions',
      Object.entries(versions)
        .map(([what, version]) => `${what} ${version}`)
        .join(', '),
    ],
  ];
  const settings = Object.entries(record.config).map(([key, value]): [string, string] => [
    `\`${key}\``,
    String(value),
  ]);
  return [
    frontMatter(format, recipe),
    `# ${name}`,
    `${model.name}, fine-tuned by ReFT lab (recipe ${recipe}). ${WHAT[format]}`,
    '## How well it does',
    ...accuracy(record),
    '## How it was made',
    table(['', ''], made),
    '## Settings',
    table(['Setting', 'Value'], settings),
    '## Text it expects',
    'Prompt `Question:\\n{question}\\nAnswer reasoning:\\n`, tokenized apart from what follows; the answer ends with ' +
      '`Therefore, the answer is: {answer}` and the end token. Numbers are compared within 0.01.',
    '',
  ].join('\n\n');
}

const originOf = ({ origin }: RunRecord['model']): string | undefined =>
  origin && `${origin.id} on the Hugging Face Hub, commit \`${origin.revision}\``;

/** README.md of a model that the lab did not train: whose weights these are, and no more. */
export function plainCard(model: RunRecord['model'], format: CardFormat): string {
  const facts: [string, string][] = [
    ['Model', `${model.name}, ${model.architecture}, ${model.parameters.toLocaleString('en')} parameters`],
    ...row('From', originOf(model)),
    ['SHA-256 of its weights', `\`${model.hash}\``],
  ];
  return [
    frontMatter(format),
    `# ${model.name}`,
    `Written by ReFT lab, which has not trained it. ${WHAT[format]}`,
    table(['', ''], facts),
    '',
  ].join('\n\n');
}

function frontMatter(format: CardFormat, recipe?: string): string {
  const tags = ['reft-lab', ...(recipe === undefined ? [] : [recipe])];
  return [
    '---',
    `library_name: ${LIBRARY[format]}`,
    'pipeline_tag: text-generation',
    `tags: [${tags.join(', ')}]`,
    '---',
  ].join('\n');
}

function accuracy({ best, validation, test }: RunRecord): string[] {
  const rows = [
    ['test', test],
    ['validation', best ?? validation],
  ] as const;
  const known = rows.filter(
    (entry): entry is [(typeof entry)[0], EvaluationRecord] => entry[1] !== undefined,
  );
  if (!known.length) return ['Its accuracy was not measured.'];
  const lines = known.map(([split, { n, correct, accuracy: share, low, high, step }]) => [
    split,
    String(step),
    `${correct} of ${n}`,
    percent(share),
    `${percent(low)} to ${percent(high)}`,
  ]);
  return [
    table(['Problems', 'Step', 'Right', 'Accuracy', '95 % interval'], lines),
    'Greedy decoding; Wilson intervals. The checkpoint was chosen on validation, never on test.',
  ];
}

function kept({ best, step, total_steps, status }: RunRecord): string {
  const of = best ? `of step ${best.step}, the best on validation` : `of step ${step}, the last`;
  return status === 'done' ? of : `${of}; the run was ${status} at step ${step} of ${total_steps}`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const row = (name: string, value: string | undefined): [string, string][] =>
  value === undefined ? [] : [[name, value]];

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
