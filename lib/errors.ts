/**
 * Every error that a user may see. `code` is stable (scripts and tests may rely on it), `message` names the thing and
 * the value, `hint` says what is allowed or what to do next.
 */
export class MillraceError extends Error {
  override readonly name: string = "MillraceError";
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}
