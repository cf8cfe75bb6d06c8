import { Refusal, type FileView, type FilesPage } from "~/bridge";
import type { Grid } from "~/state";

/** Most names that are listed: beyond it a list helps nobody, and the names take the memory of the window. */
const MOST_NAMES = 100_000;
/** The next page is asked for when so many of the names that are there are left below what can be seen. */
const AHEAD = 500;

/** The names in a folder of the tree, page by page as somebody looks at them. */
export class Folder {
  /** In the order of the node, by bytes. */
  files = $state.raw<readonly FileView[]>([]);
  isLoaded = $state(false);
  /** Whether there are more names than these. */
  more = $state(false);
  /** Whether these are only the names that are remembered here: its machine does not answer. */
  isRemembered = $state(false);
  /** Why it cannot be listed, or not to its end. */
  refusal = $state.raw<Refusal | null>(null);
  #asking = false;
  #wantsAll = false;
  #closed = false;

  constructor(
    private readonly grid: Grid,
    readonly path: string,
  ) {}

  /** Whether names were left out for good. */
  get isCut(): boolean {
    return this.files.length >= MOST_NAMES;
  }

  /** Asks anew for what is listed, and for the first page at the beginning. What is there stays until the answer. */
  async load(): Promise<void> {
    await this.#ask(async () => {
      const wanted = this.files.length;
      let files: FileView[] = [];
      for (;;) {
        const page = await this.#page(files);
        files = [...files, ...page.files];
        if (this.#closed) return;
        this.more = page.more;
        this.isRemembered = !page.online;
        if (!page.more || page.files.length === 0 || files.length >= wanted) break;
      }
      this.files = files;
      this.isLoaded = true;
    });
    if (this.#wantsAll) await this.all();
  }

  /** Names up to `end` are seen: those behind them may be wanted next. */
  see(end: number): void {
    if (end + AHEAD > this.files.length) void this.#next();
  }

  /** Every name is wanted: for a filter, or for another order. */
  async all(): Promise<void> {
    this.#wantsAll = true;
    while (await this.#next()) {
      // Each page is shown as it comes.
    }
  }

  /** Answers that come later are not listened to. */
  close(): void {
    this.#closed = true;
  }

  /** True if there may be more after it. */
  async #next(): Promise<boolean> {
    if (!this.isLoaded || !this.more || this.isCut || this.#asking || this.refusal !== null) return false;
    await this.#ask(async () => {
      const page = await this.#page(this.files);
      if (this.#closed) return;
      this.files = [...this.files, ...page.files].slice(0, MOST_NAMES);
      this.more = page.more && page.files.length > 0;
    });
    return !this.#closed;
  }

  #page(before: readonly FileView[]): Promise<FilesPage> {
    return this.grid.ask({ ask: "files", path: this.path, after: before.at(-1)?.name ?? null });
  }

  async #ask(asking: () => Promise<void>): Promise<void> {
    if (this.#asking || this.#closed) return;
    this.#asking = true;
    try {
      await asking();
      this.refusal = null;
    } catch (thrown) {
      if (!this.#closed) this.refusal = Refusal.from(thrown);
    } finally {
      this.#asking = false;
    }
  }
}
