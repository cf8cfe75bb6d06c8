import type { Page, Route, WebSocketRoute } from "playwright-core";

/** What becomes of a question: it is answered; it is heard and its answer is lost; it hangs; nobody is there. */
type State = "whole" | "deaf" | "silent" | "cut";

/** The line between a window and its node, in the hands of a test. The node goes on whatever happens to it. */
export class Line {
  #state: State = "whole";
  readonly #events = new Set<WebSocketRoute>();
  #hanging: Route[] = [];

  /** Takes the line of a page that was not opened yet. */
  async take(page: Page): Promise<void> {
    await page.routeWebSocket(/\/v1\/events/, events => this.#open(events));
    await page.route("**/v1/ask", question => this.#ask(question));
  }

  /** From now on what was asked is done, and nobody hears of it; events still come. */
  loseAnswers(): void {
    this.#state = "deaf";
  }

  /** From now on questions get nowhere, and nobody says so yet. */
  hang(): void {
    this.#state = "silent";
  }

  /** Ends everything that is open. */
  async cut(): Promise<void> {
    this.#state = "cut";
    for (const events of this.#events) await events.close();
    this.#events.clear();
    for (const question of this.#hanging) await question.abort();
    this.#hanging = [];
  }

  mend(): void {
    this.#state = "whole";
  }

  async #open(events: WebSocketRoute): Promise<void> {
    if (this.#state === "cut") return events.close();
    events.connectToServer();
    this.#events.add(events);
  }

  async #ask(question: Route): Promise<void> {
    switch (this.#state) {
      case "whole":
        return question.continue();
      case "deaf":
        await question.fetch();
        return question.abort();
      case "silent":
        this.#hanging.push(question);
        return;
      case "cut":
        return question.abort();
    }
  }
}
