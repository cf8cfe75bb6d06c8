// The words of the local door, as `crates/api` defines them. One type for each Rust type, same names, same JSON.

// ---- crates/model ----

/** A machine, known by its public key: lower-case base 32. */
export type PeerId = string;
export type GridId = string;
/** A job: 16 letters. */
export type JobId = string;
/** One run of a node. */
export type Incarnation = string;
/** Milliseconds since 1970 (UTC). */
export type Stamp = number;

export type TaskKey = { step: number; index: number };
/** Neighbouring tasks of one step: `start..end`. */
export type TaskSpan = { start: number; end: number };

export type TaskState =
  | "waiting"
  | "held"
  | "ready"
  | "leased"
  | "running"
  | "frozen"
  | "done"
  | "failed"
  | "skipped"
  | "cancelled"
  | "lost";
export type JobState = "waiting" | "held" | "running" | "done" | "failed" | "cancelled";

export type OsFamily = "linux" | "windows" | "macos";
export type Gpu = { name: string; vendor: string; memory_bytes: number };
export type Tool = { name: string; version: string; path: string };
export type Hardware = {
  hostname: string;
  os: OsFamily;
  os_name: string;
  arch: string;
  cpu_model: string;
  cpu_count: number;
  memory_bytes: number;
  disk_bytes: number;
  gpus: Array<Gpu>;
  tools: Array<Tool>;
  /** How many times the reference core's work all cores do per second; 0 until measured. */
  score: number;
};
export type Load = { foreign_cpu: number; memory_free_bytes: number; disk_free_bytes: number };

export type AmountNeed = { name: string; min: number | null; max: number | null };
export type AttributeNeed = { name: string; any_of: Array<string>; all_of: Array<string> };
export type Needs = { amounts: Array<AmountNeed>; attributes: Array<AttributeNeed>; only_on: Array<string> };
export type Preference = { what: Needs; words: string; strength: number };

// ---- requests ----

export type Request =
  | { ask: "status" }
  | ({ ask: "inspect" } & SubmitRequest)
  | ({ ask: "submit" } & SubmitRequest)
  | ({ ask: "jobs" } & JobsRequest)
  | ({ ask: "job" } & JobRequest)
  | ({ ask: "tasks" } & TasksRequest)
  | ({ ask: "cancel" } & TargetRequest)
  | ({ ask: "retry" } & TargetRequest)
  | ({ ask: "hold" } & TargetRequest)
  | ({ ask: "release" } & TargetRequest)
  | ({ ask: "priority" } & PriorityRequest)
  | ({ ask: "why" } & TargetRequest)
  | { ask: "machines" }
  | { ask: "links" }
  | ({ ask: "invite" } & InviteRequest)
  | ({ ask: "join" } & JoinRequest)
  | { ask: "doctor" }
  | ({ ask: "set" } & SetRequest)
  | ({ ask: "link" } & LinkRequest)
  | ({ ask: "results" } & ResultsRequest)
  | ({ ask: "log" } & LogPageRequest)
  | ({ ask: "timeline" } & TimelineRequest)
  | ({ ask: "activity" } & ActivityRequest)
  | ({ ask: "history" } & HistoryRequest);

export type SubmitRequest = {
  /** Absolute paths on this machine; empty when `command` is given. */
  paths?: Array<string>;
  command?: CommandRequest | null;
  name?: string | null;
  /** Frames as `1-24`, `1-240:2` or `1,5,9-12`. */
  frames?: string | null;
  /** Absolute folder into which results land. */
  output?: string | null;
  /** −100 … 100; higher goes first. */
  priority?: number;
  needs?: Array<string>;
  prefers?: Array<string>;
  parameters?: { [name in string]?: string };
  /** Machines (names or id prefixes) that alone may run it. */
  on?: Array<string>;
  attempts?: number | null;
  hold?: boolean;
  /** At most 64 bytes: asking twice with the same key starts one job. */
  key?: string | null;
};
export type CommandRequest = { argv: Array<string>; repeat?: Repeat; outputs?: Array<string>; cwd: string };
export type Repeat = "once" | { array: number } | { over: string };
export type JobsRequest = { active?: boolean; limit?: number };
export type JobRequest = { job: string };
export type TargetRequest = { target: string };
export type TasksRequest = { target: string; states?: Array<TaskState>; offset?: number; limit?: number };
export type LogsRequest = { target: string; follow?: boolean; after?: number; tail?: number };
export type PriorityRequest = { job: string; priority: number };
export type InviteRequest = { ttl_secs?: number | null };
export type JoinRequest = { link: string };
export type SetRequest = {
  /** `false`: take nothing new and finish what runs; `true`: lend again. */
  lend?: boolean | null;
  /** Lend nothing for so many seconds, then lend again by itself; 0 ends a pause. */
  pause_secs?: number | null;
  name?: string | null;
  lend_cpus?: number | null;
  /** Labels to set, or to remove with `null`. */
  labels?: { [key in string]?: string | null };
};
export type LinkRequest = {
  from: string;
  to: string;
  policy: LinkPolicy;
  /** The revision that the asker saw: refused when somebody changed the link since. */
  expected?: number | null;
  /** Also when it cuts machines off from this one. */
  cut_off?: boolean;
};
export type LogPageRequest = { target: string; attempt?: number | null; from?: number | null; limit?: number };
export type ResultsRequest = { target: string; offset?: number; limit?: number };
export type ActivityRequest = { before?: number | null; limit?: number; job?: string | null };
export type TimelineRequest = { job?: string | null; from?: Stamp | null; to?: Stamp | null; limit?: number };
export type HistoryRequest = { secs?: number };

// ---- machines ----

export type StatusView = {
  version: string;
  peer: PeerId;
  name: string;
  grid: GridId;
  addresses: Array<string>;
  data: string;
  pid: number;
  uptime_secs: number;
  machines: number;
  machines_online: number;
  active_jobs: number;
  running: number;
  accepts: boolean;
  why_not: string;
};

export type MachineState = "ready" | "working" | "in_use" | "paused" | "offline" | "problem";
export type Share = { cpus: number; memory_bytes: number; gpus: number };
export type MachineView = {
  id: PeerId;
  name: string;
  this: boolean;
  online: boolean;
  state: MachineState;
  hardware: Hardware;
  labels: { [key in string]?: string };
  load: Load;
  lends: Share;
  free: Share;
  accepts: boolean;
  why_not: string;
  running: number;
  made: number;
  last_seen: Stamp | null;
  /** When its pause ends by itself. */
  paused_until: Stamp | null;
  /** Version of its program; empty while unknown. */
  version: string;
};

export type LinkState = "connecting" | "up" | "down";
export type LinkPolicy = "automatic" | "pinned" | "forbidden";
/** A link between two machines, as the machine `from` sees it. */
export type LinkView = {
  from: PeerId;
  peer: PeerId;
  name: string;
  policy: LinkPolicy;
  /** Grows with each change of the policy. */
  revision: number;
  /** The machine at which the policy was last changed, and when. */
  changed: [PeerId, Stamp] | null;
  state: LinkState;
  address: string;
  rtt_ms: number | null;
  since: Stamp;
  received_bytes: number;
  sent_bytes: number;
  last_error: string;
};

export type InviteView = { link: string; expires: Stamp };
export type JoinedView = { grid: GridId; machines: Array<string> };
export type DoctorView = { findings: Array<Finding> };
export type Finding = { what: string; ok: boolean; sentence: string; next_step: string };

// ---- jobs ----

export type JobView = {
  id: JobId;
  name: string;
  recipe: string;
  state: JobState;
  priority: number;
  counts: TaskCounts;
  /** `frame` when each task is one picture, else `task`. */
  task_word: string;
  /** 0 … 1. */
  progress: number;
  time_left_secs: number | null;
  submitted: Stamp;
  started: Stamp | null;
  ended: Stamp | null;
  origin: PeerId;
  origin_name: string;
  output_folders: Array<string>;
  made_by: Array<MadeBy>;
  failures: Array<FailureView>;
  /** One sentence while it waits; empty otherwise. */
  waits_for: string;
};
export type TaskCounts = {
  waiting: number;
  held: number;
  ready: number;
  leased: number;
  running: number;
  frozen: number;
  done: number;
  failed: number;
  skipped: number;
  cancelled: number;
  lost: number;
};
export type MadeBy = { machine: PeerId; name: string; done: number; failed: number; running: number };
export type FailureView = { reason: string; count: number; example: TaskKey; example_label: string };
export type JobDetail = {
  steps: Array<StepView>;
  parameters: Array<[string, string]>;
  input_count: number;
  input_bytes: number;
} & JobView;
export type StepView = {
  name: string;
  counts: TaskCounts;
  after: Array<string>;
  needs: Needs;
  prefers: Array<Preference>;
};
export type TaskPage = { job: JobId; total: number; tasks: Array<TaskView> };
export type TaskView = {
  key: TaskKey;
  label: string;
  state: TaskState;
  machine: PeerId | null;
  machine_name: string;
  attempts: number;
  exit_code: number | null;
  reason: string;
  run_secs: number | null;
  progress: number | null;
  status: string;
};
export type SubmittedView = { jobs: Array<JobView>; warnings: Array<string> };
export type ChangeView = { job: JobView; tasks: number };
export type LogPiece = {
  task: TaskKey;
  label: string;
  machine: string;
  attempt: number;
  offset: number;
  text: string;
};
export type LogPage = {
  task: TaskKey;
  attempt: number;
  attempts: Array<number>;
  from: number;
  total_bytes: number;
  text: string;
  next: number;
};
export type ResultsPage = { job: JobId; total: number; total_bytes: number; files: Array<ResultFile> };
export type ResultFile = { path: string; size_bytes: number; task: TaskKey; landed: Stamp; kind: FileKind };
export type FileKind = "picture" | "film" | "other";

// ---- what happened ----

export type ActivityPage = { notices: Array<Notice>; more: boolean };
export type TimelineView = { bars: Array<Bar>; truncated: boolean };
export type Bar = {
  job: JobId;
  step: number;
  tasks: TaskSpan;
  machine: PeerId;
  started: Stamp;
  ended: Stamp | null;
  state: TaskState;
};
export type HistoryView = {
  every_secs: number;
  from: Stamp;
  tasks_done: Array<number | null>;
  machines: Array<MachineHistory>;
};
export type MachineHistory = {
  machine: PeerId;
  name: string;
  lent_cpus: Array<number | null>;
  foreign_cpus: Array<number | null>;
  tasks_done: Array<number | null>;
};

// ---- drafts ----

export type DraftView = {
  paths: Array<string>;
  recipe: string;
  title: string;
  name: string;
  scenes: Array<SceneView>;
  frames: string | null;
  task_count: number;
  task_word: string;
  steps: Array<[string, number]>;
  tools: Array<string>;
  needs: Array<string>;
  files: Array<DraftFile>;
  missing: Array<DraftFile>;
  output: string;
  parameters: Array<ParameterView>;
  facts: Array<[string, string]>;
  warnings: Array<string>;
  machines: Array<DraftMachine>;
};
export type SceneView = {
  name: string;
  frames: FrameRange;
  size: [number, number] | null;
  engine: string;
  active: boolean;
};
export type FrameRange = { first: number; last: number; step: number };
export type DraftFile = { path: string; size_bytes: number; purpose: string };
export type ParameterView = {
  name: string;
  kind: string;
  value: string | null;
  description: string;
  choices: Array<string>;
};
export type DraftMachine = { name: string; fits: boolean; reasons: Array<string> };

// ---- why ----

export type WhyView = {
  job: JobId;
  task: TaskKey;
  label: string;
  state: TaskState;
  sentence: string;
  placed_on: PeerId | null;
  machines: Array<WhyMachine>;
  decisive: string;
  smallest_change: string;
};
export type WhyMachine = {
  machine: PeerId;
  name: string;
  fits: boolean;
  reasons: Array<string>;
  terms: Terms | null;
  gravity: number;
  chance: number;
};
export type Terms = {
  wait_secs: number;
  fetch_secs: number;
  run_secs: number;
  path_secs: number;
  prefer: number;
  strategy: number;
};

// ---- events ----

export type Event = { seq: number } & EventBody;
export type EventBody =
  | { event: "snapshot"; data: Snapshot }
  | { event: "job_changed"; data: JobView }
  | { event: "job_removed"; data: JobId }
  | { event: "tasks_changed"; data: TasksChanged }
  | { event: "machine_changed"; data: MachineView }
  | { event: "machine_removed"; data: PeerId }
  | { event: "link_changed"; data: LinkView }
  | { event: "link_removed"; data: LinkKey }
  | { event: "notice"; data: Notice };
export type Snapshot = {
  stream: Incarnation;
  machines: Array<MachineView>;
  links: Array<LinkView>;
  jobs: Array<JobView>;
};
export type TasksChanged = {
  job: JobId;
  step: number;
  span: TaskSpan;
  state: TaskState;
  machine: PeerId | null;
  exit_code: number | null;
  reason: string;
};
/** Names one link in the eyes of one of its machines. */
export type LinkKey = { from: PeerId; peer: PeerId };
export type NoticeLevel = "info" | "warning" | "problem";
export type NoticeKind =
  | "job_started"
  | "job_done"
  | "job_failed"
  | "job_cancelled"
  | "machine"
  | "link"
  | "lending"
  | "results"
  | "other";
export type Notice = {
  id: number;
  at: Stamp;
  kind: NoticeKind;
  level: NoticeLevel;
  sentence: string;
  job: JobId | null;
  machine: PeerId | null;
};

// ---- errors ----

export type ErrorKind = "input" | "peer" | "machine" | "bug";
export type ErrorCode =
  | "bad_request"
  | "bad_reference"
  | "missing_file"
  | "unreadable"
  | "not_utf8"
  | "unknown_file"
  | "not_a_blend"
  | "damaged_blend"
  | "template_refused"
  | "unknown_parameter"
  | "bad_parameter"
  | "bad_range"
  | "empty_range"
  | "range_too_large"
  | "too_large"
  | "output_not_writable"
  | "disk_full"
  | "duplicate_name"
  | "bad_requirement"
  | "bad_value"
  | "unknown_job"
  | "ambiguous_job"
  | "unknown_task"
  | "unknown_machine"
  | "ambiguous_machine"
  | "wrong_state"
  | "no_logs"
  | "link_changed"
  | "would_cut_off"
  | "not_a_picture"
  | "invite_malformed"
  | "invite_used"
  | "invite_expired"
  | "invite_tampered"
  | "other_grid"
  | "already_member"
  | "other_version"
  | "peer_unreachable"
  | "not_found"
  | "not_allowed"
  | "unauthorised"
  | "forbidden"
  | "busy"
  | "no_node"
  | "stopping"
  | "already_running"
  | "data_folder"
  | "listen_failed"
  | "storage"
  | "internal"
  | "unknown";
export type ApiError = { kind: ErrorKind; code: ErrorCode; message: string; help?: string };
