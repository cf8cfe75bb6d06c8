import { isApiError, Refusal } from "./types";
import type { ApiError, SessionRequest, SessionView } from "./types";

/** Where the door stands: the address the page came from. */
const DOOR = "/v1";

/** Under this name the key lies in the browser's store, which pages of other addresses do not see. */
const KEY = "gridwell-key";

export const JSON_BODY = { "content-type": "application/json" };

/**
 * The node's door as a browser reaches it. A session has two halves: a cookie, which browsers send to every port of a
 * machine, and a key, which goes along with every question.
 */
export class Door {
  constructor(private readonly storage: Pick<Storage, "getItem" | "setItem">) {}

  /**
   * Exchanges the one-time token that `gridwell ui` puts behind the `#` for a session, and takes it out of the address.
   * Whoever is not let in is told so by the answer to the first question.
   */
  async enter(location: Location, history: History): Promise<void> {
    const token = /(?:^#|&)token=([^&]+)/.exec(location.hash)?.[1];
    if (token === undefined) return;
    history.replaceState(null, "", location.pathname + location.search);
    const request: SessionRequest = { token: decodeURIComponent(token) };
    try {
      const session = await this.ask<SessionView>("/session", { method: "POST", body: JSON.stringify(request) });
      this.storage.setItem(KEY, session.key);
    } catch {
      // A used token in an address that is opened again: an older session may still be good.
    }
  }

  /** An address with the key in it, where a page cannot set headers: pictures and events. */
  address(path: string, query: URLSearchParams): string {
    query.set("key", this.#key);
    return `${DOOR}${path}?${query}`;
  }

  async ask<Answer>(path: string, init: RequestInit): Promise<Answer> {
    const response = await this.reach(path, { ...init, headers: { ...JSON_BODY, ...init.headers } });
    const text = await response.text();
    return (text === "" ? undefined : JSON.parse(text)) as Answer;
  }

  async reach(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    // Asked for each time: a window of the same browser may have been let in anew since.
    headers.set("x-gridwell-key", this.#key);
    let response: Response;
    try {
      response = await fetch(DOOR + path, { ...init, headers, credentials: "same-origin" });
    } catch (thrown) {
      if (init.signal?.aborted) throw thrown;
      throw Refusal.noNode("the node did not answer");
    }
    if (response.ok) return response;
    throw new Refusal(await errorIn(response));
  }

  get #key(): string {
    return this.storage.getItem(KEY) ?? "";
  }
}

async function errorIn(response: Response): Promise<ApiError> {
  try {
    const body: unknown = await response.json();
    if (isApiError(body)) return body;
  } catch {
    // No JSON: something else than the node answered.
  }
  if (response.status === 502 || response.status === 503 || response.status === 504) {
    return { kind: "machine", code: "no_node", message: "the node did not answer" };
  }
  return { kind: "bug", code: "internal", message: `the node answered with ${response.status}` };
}
