/** Put in by the build: the version in the workspace's `Cargo.toml`. */
declare const __GRIDWELL_VERSION__: string;
