import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { LabError } from '../errors';
import { ChatTemplate } from './chat';

/** EOS names to look for where the tokenizer's config names none, most telling first. */
const USUAL_EOS = ['<|endoftext|>', '</s>', '<eos>', '<|end_of_text|>', '<|im_end|>', '<|eot_id|>'];

/**
 * Text to token ids and back, by a Hugging Face tokenizer.json.
 *
 * `encode` adds no special token: prompt (`encodeStart`) and target are tokenized apart and joined (text/prompt.ts). `decode` leaves
 * special tokens out and does not tidy spaces, so that byte-level BPE gives back exactly the text that went in.
 */
export class Tokenizer {
  /** Tokens that end a completion; the first one closes every training sequence. Empty when the files name none. */
  readonly eosIds: number[];
  /** One more than the largest token id. */
  readonly vocabSize: number;
  /** Special tokens that the tokenizer puts in front of every text: BOS, of families that have one. */
  readonly prefix: readonly number[];

  private asked: Tokenizer | undefined;

  private constructor(
    private readonly hub: HubTokenizer,
    private readonly specialIds: ReadonlySet<number>,
    eosIds: readonly number[],
    vocabSize: number,
    /** How the model wants conversations written; undefined for models that are not tuned to chat. */
    readonly chat: ChatTemplate | undefined,
    /** Whether texts begin as a conversation does: the question of a user, then the model's turn. */
    readonly isChat = false,
  ) {
    this.eosIds = [...eosIds];
    this.vocabSize = vocabSize;
    this.prefix = prefixOf(hub);
  }

  /**
   * @param tokenizerJson tokenizer.json, parsed
   * @param config tokenizer_config.json, parsed; its `eos_token` names the end of a text
   * @param chatFile chat_template.jinja, where the template lies in a file of its own
   * Errors: `bad_input` when this is no tokenizer, or one of a kind the tokenizers library does not know.
   */
  static fromJson(tokenizerJson: unknown, config?: unknown, chatFile?: string): Tokenizer {
    const json = completed(tokenizerJson);
    const settings = isRecord(config) ? config : {};
    let hub: HubTokenizer;
    try {
      hub = new HubTokenizer(json, settings);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      throw new LabError(
        'bad_input',
        `tokenizer.json cannot be read as a Hugging Face tokenizer (${detail}). Use the tokenizer.json that came with the model, or save it again with tokenizer.save_pretrained().`,
        { cause: error },
      );
    }
    let vocabSize = 0;
    for (const id of hub.get_vocab().values()) vocabSize = Math.max(vocabSize, id + 1);
    if (vocabSize === 0) {
      throw new LabError(
        'bad_input',
        'tokenizer.json holds an empty vocabulary. Use the tokenizer.json that came with the model.',
      );
    }
    const special = new Set<number>();
    for (const [id, token] of hub.get_added_tokens_decoder()) if (token.special) special.add(id);
    const eos = eosIdOf(hub, settings, special);
    const chat = ChatTemplate.fromConfig(settings, chatFile);
    return new Tokenizer(hub, special, eos === null ? [] : [eos], vocabSize, chat);
  }

  /** The same tokenizer with other end tokens: `eos_token_id` of generation_config.json or config.json wins. */
  withEos(ids: readonly number[]): Tokenizer {
    return new Tokenizer(this.hub, new Set([...this.specialIds, ...ids]), ids, this.vocabSize, this.chat);
  }

  /**
   * The same tokenizer for a model that is talked to: `encodeStart` gives a question as a user's turn, and what ends the
   * model's turn ends a completion. Errors: `bad_input` when the model has no chat template.
   */
  asChat(): Tokenizer {
    if (!this.chat) {
      throw new LabError(
        'bad_input',
        'This model has no chat template (tokenizer_config.json, chat_template). Set chat_template to false, or choose a model tuned to chat.',
      );
    }
    const [end] = this.encode(this.chat.ending());
    const ends = end !== undefined && this.specialIds.has(end) ? [end] : [];
    const eos = [...new Set([...ends, ...this.eosIds])];
    // The same object every time: lengths and tokens are remembered by it.
    this.asked ??= new Tokenizer(this.hub, this.specialIds, eos, this.vocabSize, this.chat, true);
    return this.asked;
  }

  /** Token ids of `text`; no special token added. The empty text has none. */
  encode(text: string): number[] {
    if (text === '') return [];
    return this.hub.encode(text, { add_special_tokens: false }).ids;
  }

  /**
   * Token ids of a text from its beginning: what the tokenizer puts in front of one, then the text's own; as a chat, the
   * user's turn and the beginning of the model's. Errors: `bad_input` when the chat template refuses it.
   */
  encodeStart(text: string): number[] {
    if (this.isChat && this.chat)
      return this.encode(this.chat.render([{ role: 'user', content: text }], true));
    return [...this.prefix, ...this.encode(text)];
  }

  /** The text of `ids`; special tokens and ids outside the vocabulary give nothing. */
  decode(ids: readonly number[]): string {
    const plain = ids.filter((id) => !this.specialIds.has(id) && this.hub.id_to_token(id) !== undefined);
    if (plain.length === 0) return '';
    return this.hub.decode(plain, { clean_up_tokenization_spaces: false });
  }

  /** What each token looks like to a person, one string a token; special tokens by their name. */
  tokenStrings(ids: readonly number[]): string[] {
    return ids.map((id) => {
      const token = this.hub.id_to_token(id);
      if (token === undefined) return `[${id}]`;
      if (this.specialIds.has(id)) return token;
      return this.hub.decode([id], { clean_up_tokenization_spaces: false });
    });
  }
}

/** What the post-processor puts in front of a text. */
function prefixOf(hub: HubTokenizer): number[] {
  const plain = hub.encode('a', { add_special_tokens: false }).ids;
  const whole = hub.encode('a', { add_special_tokens: true }).ids;
  const length = whole.findIndex((_, at) => plain.every((id, i) => whole[at + i] === id));
  return whole.slice(0, Math.max(0, length));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** tokenizer.json with the parts that may be left out of it; the library insists on all of them. */
function completed(tokenizerJson: unknown): Record<string, unknown> {
  if (!isRecord(tokenizerJson) || !isRecord(tokenizerJson['model'])) {
    throw new LabError(
      'bad_input',
      'tokenizer.json is not a tokenizer: it has no "model". Use the tokenizer.json that came with the model.',
    );
  }
  const parts = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  const added = tokenizerJson['added_tokens'];
  return { ...parts, ...tokenizerJson, added_tokens: Array.isArray(added) ? (added as unknown[]) : [] };
}

/** The id of the EOS token: as the config names it, or else the first usual name that is a special token. */
function eosIdOf(
  hub: HubTokenizer,
  config: Record<string, unknown>,
  special: ReadonlySet<number>,
): number | null {
  const named = config['eos_token'];
  const content = isRecord(named) ? named['content'] : named;
  if (typeof content === 'string') {
    const id = hub.token_to_id(content);
    if (id === undefined) {
      throw new LabError(
        'bad_input',
        `tokenizer_config.json names the end token ${JSON.stringify(content)}, which tokenizer.json does not have. Use the two files of the same model.`,
      );
    }
    return id;
  }
  for (const name of USUAL_EOS) {
    const id = hub.token_to_id(name);
    if (id !== undefined && special.has(id)) return id;
  }
  return null;
}
