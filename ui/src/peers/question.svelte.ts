/** A question that a change of links asks on its way, for `SureDialog`. */
export class Question {
  sentence = $state<string | null>(null);
  #answer: (yes: boolean) => void = () => undefined;

  /** Shows it, and waits for a person. */
  ask = (sentence: string): Promise<boolean> => {
    this.sentence = sentence;
    return new Promise(resolve => (this.#answer = resolve));
  };

  answer(yes: boolean): void {
    this.sentence = null;
    this.#answer(yes);
  }
}
