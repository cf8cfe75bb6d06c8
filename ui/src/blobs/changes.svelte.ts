/** Counts what this window changed of files: the node tells no events of them, so whatever shows them asks anew. */
class Changes {
  count = $state(0);

  note(): void {
    this.count += 1;
  }
}

export const changes = new Changes();
