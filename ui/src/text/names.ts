/** Longest name that is shown: names come from other machines and may be anything. */
const NAME_CHARS = 200;

/**
 * Makes a name from elsewhere safe inside a sentence: one line, no control or direction characters, not too long, and
 * isolated, so that a right-to-left name does not turn the sentence around.
 */
export function isolate(name: string): string {
  return `\u2068${plain(name)}\u2069`;
}

/** A name as one harmless line. Where it stands alone in an element, `<bdi>` isolates it. */
export function plain(name: string): string {
  const line = name.replace(UNSEEN, "\ufffd");
  return line.length <= NAME_CHARS ? line : `${[...line].slice(0, NAME_CHARS - 1).join("")}…`;
}

// Control characters, and those that turn the direction of text around them.
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
