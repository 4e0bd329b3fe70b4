// The one typed failure of this package.

/** A daemon cannot be asked, or what it says is no answer. `message` is a sentence for a person. */
export class ControlError extends Error {
  override readonly name = "ControlError";
}
