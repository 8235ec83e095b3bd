import { Template } from '@huggingface/jinja';
import { LabError } from '../errors';

/** One turn of a conversation. */
export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** Special tokens that a template may name. */
const NAMED = ['bos_token', 'eos_token', 'unk_token', 'pad_token'] as const;

/**
 * How a model wants conversations written: the Jinja template of its tokenizer_config.json or chat_template.jinja, as
 * transformers' apply_chat_template renders it.
 */
export class ChatTemplate {
  private constructor(
    private readonly template: Template,
    private readonly tokens: Readonly<Record<string, string>>,
  ) {}

  /**
   * @param config tokenizer_config.json, parsed: its `chat_template` (of several, the one named default) and special tokens
   * @param file chat_template.jinja, which counts first. Undefined when the model has no template.
   * Errors: `bad_input` when the template cannot be read.
   */
  static fromConfig(config: Readonly<Record<string, unknown>>, file?: string): ChatTemplate | undefined {
    const source = file ?? templateOf(config['chat_template']);
    if (source === undefined) return undefined;
    const tokens = NAMED.flatMap((name) => {
      const given = config[name];
      const content =
        typeof given === 'object' && given !== null ? (given as { content?: unknown }).content : given;
      return typeof content === 'string' ? [[name, content] as const] : [];
    });
    try {
      return new ChatTemplate(new Template(source), Object.fromEntries(tokens));
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  /**
   * A conversation as text; with `add_generation_prompt` it ends where the model's answer begins.
   * Errors: `bad_input` with the template's own words when it refuses the conversation.
   */
  render(messages: readonly ChatMessage[], add_generation_prompt: boolean): string {
    try {
      return this.template.render({ ...this.tokens, messages, add_generation_prompt });
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  /** What follows an answer: how a model says that its turn is over. */
  ending(): string {
    const mark = 'ANSWER';
    const text = this.render([{ role: 'user', content: 'question' }, { role: 'assistant', content: mark }], false); // prettier-ignore
    return text.slice(text.lastIndexOf(mark) + mark.length);
  }
}

function templateOf(given: unknown): string | undefined {
  if (typeof given === 'string') return given;
  if (!Array.isArray(given)) return undefined;
  const named = given as { name?: unknown; template?: unknown }[];
  const chosen = named.find(({ name }) => name === 'default') ?? named[0];
  return typeof chosen?.template === 'string' ? chosen.template : undefined;
}

const unreadable = (cause: unknown): LabError =>
  new LabError(
    'bad_input',
    `The model’s chat template cannot be used (${cause instanceof Error ? cause.message : String(cause)}). Set chat_template to false.`,
    { cause },
  );
