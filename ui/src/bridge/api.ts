// Made by `cargo xtask bindings` from the types of `crates/api`. Do not edit.

/** A page of notices. */
export type ActivityPage = {
  /** Newest first. */
  notices: Array<Notice>;
  /** True if there are older ones. */
  more: boolean;
};

/** What happened, newest first. */
export type ActivityRequest = {
  /** Only notices with a smaller id; from the newest when absent. */
  before?: number | null;
  /** Most notices to send: at most `ActivityRequest::MAX_LIMIT`, 0 means that. */
  limit?: number;
  /** Only this job (id or unique prefix). */
  job?: string | null;
};

/** A machine whose asks are answered unseen. */
export type AlwaysView = {
  /** Which. */
  machine: PeerId;
  /** What people call it. */
  name: string;
  /** The answer. */
  allow: boolean;
};

/** At least and/or at most so much of something countable. */
export type AmountNeed = {
  /** Capability name: `amount.worker.memory` (MiB), `amount.worker.vcpu`, `amount.tool.blender`, … */
  name: string;
  /** Lower bound, inclusive. For the reservable standard amounts it is also what a task reserves. */
  min: number | null;
  /** Upper bound, inclusive. */
  max: number | null;
};

/** The answer to each wish, by its word. In JSON it carries no tag: the asker knows what it asked. */
export type Answers = {
  status: StatusView;
  inspect: Array<DraftView>;
  submit: SubmittedView;
  jobs: Array<JobView>;
  copies: Array<CopyView>;
  job: JobDetail;
  tasks: TaskPage;
  cancel: ChangeView;
  retry: ChangeView;
  hold: ChangeView;
  release: ChangeView;
  priority: ChangeView;
  land: ChangeView;
  why: WhyView;
  machines: Array<MachineView>;
  links: Array<LinkView>;
  invite: InviteView;
  join: JoinedView;
  pair_show: InvitationView;
  pair_hide: PairingsView;
  pair_code: PairingView;
  pair_enter: PairingView;
  pair_answer: PairingView;
  pairings: PairingsView;
  nearby: Array<NearbyView>;
  members: MembersView;
  role: GovernedView;
  revoke: GovernedView;
  recover_set: RecoveryWordsView;
  recover_confirm: GovernedView;
  recover: GovernedView;
  doctor: DoctorView;
  wake: WakeView;
  doctor_of: DoctorView;
  set: MachineView;
  forgive: MachineView;
  link: LinkView;
  link_limit: LinkView;
  link_asks: LinkAsksView;
  link_answer: LinkAsksView;
  link_history: LinkHistoryView;
  link_undo: LinkHistoryView;
  layout: LayoutView;
  behaviour: LayoutView;
  hand_over: Array<HandedOverView>;
  limit: Array<LimitView>;
  lending: LendingView;
  shares: Array<ShareView>;
  share_add: Array<ShareView>;
  share_remove: Array<ShareView>;
  share_replicate: Array<ShareView>;
  files: FilesPage;
  file: FileView;
  file_pin: FileView;
  file_fetch: FileView;
  file_free: FileFreed;
  file_where: Array<FilePlaceView>;
  file_put: FileView;
  file_verify: FileVerified;
  mount: MountView;
  unmount: MountView;
  mounted: MountView;
  results: ResultsPage;
  log: LogPage;
  timeline: TimelineView;
  activity: ActivityPage;
  history: HistoryView;
};

/** A refusal at the door. */
export type ApiError = {
  /** Whose fault. */
  kind: ErrorKind;
  /** What, for programs. */
  code: ErrorCode;
  /** What was tried, naming the thing; lower case, one line, no final period. */
  message: string;
  /** What a person can do next; empty when the code alone says it. */
  help?: string;
  /** What a folder holds that no recipe knows; only with `unknown_file`. */
  holds?: FolderContents | null;
};

/** Words a machine must have. */
export type AttributeNeed = {
  /** Capability name: `attr.worker.os.family`, `attr.worker.tool`, `attr.label.tier`, … */
  name: string;
  /** At least one of these, unless empty. */
  any_of: Array<string>;
  /** Every one of these. */
  all_of: Array<string>;
};

/** One run of a program on one machine. */
export type Bar = {
  /** The job. */
  job: JobId;
  /** Position of the step. */
  step: number;
  /** The tasks: one, a chunk that ran as one program, or neighbours that took a moment each. */
  tasks: TaskSpan;
  /** Where. */
  machine: PeerId;
  /** When it began. */
  started: Stamp;
  /** When it ended; absent while it runs. */
  ended: Stamp | null;
  /** `running` or `frozen`, else how the run ended: `done`, `failed`, `cancelled`, `lost`. */
  state: TaskState;
};

/** Whether a behaviour may change links. */
export type BehaviourMode = "off" | "suggest" | "on";

/** Changes a behaviour of this machine, or answers what it suggests. */
export type BehaviourRequest = {
  /** Its name. */
  name: string;
  /** What it may do from now on; stays when absent. */
  mode?: BehaviourMode | null;
  /** How often it looks at the map, in seconds: 1 … 86,400; stays when absent. */
  every_secs?: number | null;
  /** Looks once, now, and does what it finds. */
  once?: boolean;
  /** Does what it suggests (`true`), or not (`false`). */
  accept?: boolean | null;
};

/** A program that changes this machine's links. */
export type BehaviourView = {
  /** Its name. */
  name: string;
  /** What it does, one sentence. */
  about: string;
  /** What it may do. */
  mode: BehaviourMode;
  /** How often it looks at the map, in seconds. */
  every_secs: number;
  /** How often it has looked since the node started. */
  looks: number;
  /** What it would do now. */
  suggestion: SuggestionView | null;
};

/** Bytes named by their BLAKE3 hash. */
export type BlobId = string;

/** What a command changed. */
export type ChangeView = {
  /** The job as it is now. */
  job: JobView;
  /** Tasks that changed. */
  tasks: number;
};

/** What can be told of a pairing code to everybody who listens here: never the code. */
export type CodeShown = {
  /** Until when one is shown; another code has another time. Absent when none is. */
  until: Stamp | null;
};

/** A command that becomes a job. */
export type CommandRequest = {
  /** Program and arguments; `{}` in them stands for the item (or index) of each task. */
  argv: Array<string>;
  /** How many tasks, and what `{}` is in each. */
  repeat?: Repeat;
  /** Patterns of files below the working folder that come home as results. */
  outputs?: Array<string>;
  /** True if its program leaves checkpoints, from which it goes on elsewhere. */
  continues?: boolean;
  /** Absolute folder against which relative paths and patterns are read. */
  cwd: string;
};

/** How many copies of a share there are. */
export type CopiesView = {
  /** On how many machines each file is to be, the owner counted. */
  wanted: number;
  /** On how many each file is at least now, whole, on machines that can be reached. */
  whole: number;
  /** How many more are being made. */
  on_the_way: number;
  /** Machines that can be reached and have files of it whole, the owner first. */
  places: Array<CopyPlaceView>;
  /** Its files of different content; absent while its list of files is not here. */
  files: number | null;
  /** Why there are not as many as wished, or what is not copied, in one sentence; else empty. */
  note: string;
};

/** A machine that has files of a share whole. */
export type CopyPlaceView = {
  /** Which machine. */
  machine: PeerId;
  /** What it is called. */
  name: string;
  /** How many files of different content. */
  files: number;
  /** Their size in bytes. */
  bytes: number;
};

/** A job that another machine has, and of which this one keeps a copy, ready to go on with it. */
export type CopyView = {
  /** The job. */
  id: JobId;
  /** What people call it. */
  name: string;
  /** Where it stood then. */
  state: JobState;
  /** Its tasks by state, as they were then. */
  counts: TaskCounts;
  /** What people call the machine it came from. */
  origin_name: string;
  /** The machine that keeps its records now and places its tasks. */
  steward: PeerId;
  /** What people call that machine. */
  steward_name: string;
  /** True if that machine can be reached: what is known here is as new as what is known there. */
  steward_online: boolean;
  /** When the last of what is known here came; absent if that was before this machine's node started. */
  as_of: Stamp | null;
};

/** What work of others cost on a machine. */
export type CostView = {
  /** How often programs made room for its owner. */
  times: number;
  /** How long that took altogether, in milliseconds. */
  waited_ms: number;
  /** What it took at most, in milliseconds. */
  most_ms: number;
  /** How long work stood still, in seconds. */
  frozen_secs: number;
  /** How much work was thrown away, in seconds. */
  lost_secs: number;
};

/** Asks why another machine is seen or not. */
export type DoctorRequest = {
  /** Name or id prefix of the machine. */
  machine: string;
};

/** What a check-up found. */
export type DoctorView = {
  /** One for each thing that was checked. */
  findings: Array<Finding>;
};

/** A file that a job reads. */
export type DraftFile = {
  /** Where it lies, or should lie; as the scene writes it where that is a path of another system. */
  path: string;
  /** Size in bytes; 0 when missing or packed. */
  size_bytes: number;
  /**
   * What it is for: `scene`, `image`, `library`, `sound`, `font`, `clip`, `strip`, `cache`, `volume`, `text`, `light`,
   * `simulation`, `file`.
   */
  purpose: string;
  /** A file of the same name elsewhere in the scene's folder; only for one that is missing. */
  closest?: string;
};

/** What lies in a dropped folder and is not read. */
export type DraftLeftOut = {
  /** Files of other kinds, without hidden ones. */
  files: number;
  /** Folders in it, which are not looked into. */
  folders: number;
};

/** Whether a machine would do. */
export type DraftMachine = {
  /** What people call it. */
  name: string;
  /** Whether all requirements are met. */
  fits: boolean;
  /** Every reason against it. */
  reasons: Array<string>;
};

/** What a dropped file or a command would become, before anything is sent. */
export type DraftView = {
  /** The paths it is made from; empty for a command. */
  paths: Array<string>;
  /** Name of the recipe. */
  recipe: string;
  /** What it would do, in the imperative: `Render kitchen.blend`. */
  title: string;
  /** What the job would be called. */
  name: string;
  /** Scenes in the file; empty when its kind has none. */
  scenes: Array<SceneView>;
  /** Frames that would be made, as `1-240`; absent when the tasks are no frames. */
  frames: string | null;
  /** Number of tasks, all steps together. */
  task_count: number;
  /** What one task is called: `frame` or `task`. */
  task_word: string;
  /** Steps with their number of tasks, in order. */
  steps: Array<[string, number]>;
  /** Programs it needs, as requirements in words: `tool:blender >= 3.4`. */
  tools: Array<string>;
  /** Everything it needs, in words, tools included. */
  needs: Array<string>;
  /** Files it reads that are there; the first `DraftView::MAX_FILES`. */
  files: Array<DraftFile>;
  /** All files it reads that are there. */
  file_count: number;
  /** Their size in bytes. */
  file_bytes: number;
  /** What lies beside them in a folder that was dropped, and is not read. */
  left_out: DraftLeftOut;
  /** Files a scene refers to that are not there; the first `DraftView::MAX_FILES`. */
  missing: Array<DraftFile>;
  /** Files a scene refers to whose content lies in the scene's file; the first `DraftView::MAX_FILES`. */
  packed: Array<DraftFile>;
  /** The folder into which results would land. */
  output: string;
  /** Its parameters with their values. */
  parameters: Array<ParameterView>;
  /** What the file says about itself, name and value: `Blender`, `3.4`. */
  facts: Array<[string, string]>;
  /** Things worth knowing before Start. */
  warnings: Array<string>;
  /** Every machine: whether it fits, and why not. */
  machines: Array<DraftMachine>;
};

/** What the runs of a job took of energy where they ran: measured there, else by what the machine draws as its owner says. */
export type EnergyView = {
  /** Joules of all runs of which that is known. */
  joules: number;
  /** Runs of its programs so far, failed and stopped ones included; one for a chunk. */
  runs: number;
  /** Those of which nobody knows what they took: they are in no sum. */
  unmeasured: number;
  /**
   * What the energy cost at what owners of the machines say now that a kilowatt-hour costs, in whatever currency they mean; absent if
   * none of them says.
   */
  price: number | null;
  /** Joules on machines of which nobody said that: in no price. */
  unpriced_joules: number;
};

/** What went wrong, for programs. Codes never change their meaning and are never reused. */
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
  | "link_changed"
  | "would_cut_off"
  | "file_changed"
  | "not_a_picture"
  | "no_logs"
  | "invite_malformed"
  | "invite_used"
  | "invite_expired"
  | "invite_tampered"
  | "code_malformed"
  | "code_wrong"
  | "no_invitation"
  | "too_many_guesses"
  | "unknown_pairing"
  | "pairing_rejected"
  | "pairing_timed_out"
  | "pairing_cancelled"
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

/** Whose fault an error is, which decides what a person can do about it. */
export type ErrorKind = "input" | "peer" | "machine" | "bug";

/** One numbered fact for listeners. */
export type Event = {
  /**
   * Grows by one from event to event, and by more where newer facts replaced older ones that had not been sent yet; a
   * snapshot repeats the number of the last event it contains.
   */
  seq: number;
} & (
  | { event: "snapshot"; data: Snapshot }
  | { event: "job_changed"; data: JobView }
  | { event: "job_removed"; data: JobId }
  | { event: "tasks_changed"; data: TasksChanged }
  | { event: "machine_changed"; data: MachineView }
  | { event: "machine_activity"; data: MachineActivity }
  | { event: "machine_removed"; data: PeerId }
  | { event: "link_changed"; data: LinkView }
  | { event: "link_removed"; data: LinkKey }
  | { event: "layout_changed"; data: LayoutView }
  | { event: "pairing_changed"; data: PairingView }
  | { event: "notice"; data: Notice }
  | { event: "code_changed"; data: CodeShown }
  | { event: "members_changed"; data: MembersView }
  | { event: "link_ask_changed"; data: LinkAskView }
  | { event: "link_ask_removed"; data: LinkKey }
);

/** Tasks that failed for the same reason. */
export type FailureView = {
  /** The reason, one sentence. */
  reason: string;
  /** How many tasks. */
  count: number;
  /** One of them. */
  example: TaskKey;
  /** Its label. */
  example_label: string;
};

/** Fetches a file, or all files of a folder, without keeping them. */
export type FileFetchRequest = {
  /** A share, or a file or folder in one, written as in a `FilesRequest`. */
  path: string;
  /**
   * True: the answer comes once all is here, or says why it is not. False: at once; how far it is,
   * `FileView::here_bytes` says.
   */
  wait?: boolean;
};

/** What went to make room, and what stayed. */
export type FileFreed = {
  /** Bytes that went. */
  bytes: number;
  /** Files of which something went. */
  files: number;
  /** Files that stayed because they are kept here, or in use. */
  kept: number;
  /** Files that stayed because no machine that has them answers now: what is here may be the last copy. */
  last: number;
  /** Paths of files of which something went, so that they can be fetched again; at most `FileFreed::MAX_PATHS`. */
  paths: Array<string>;
};

/** What can be shown of a file, by its name. */
export type FileKind = "picture" | "film" | "other";

/** Keeps something of another machine here, or no more. */
export type FilePinRequest = {
  /** A share, or a file or folder in one, written as in a `FilesRequest`. */
  path: string;
  /** True: all of it is fetched, also what comes to it later, and never makes room for others. False: it may. */
  on: boolean;
};

/** A machine that has something of a file or folder. */
export type FilePlaceView = {
  /** Which machine. */
  machine: PeerId;
  /** What it is called. */
  name: string;
  /** False while it cannot be reached. */
  online: boolean;
  /** Bytes of it that lie there. */
  here_bytes: number;
  /** Its size in bytes; of a folder that of all files below it that are known here. */
  size_bytes: number;
  /** True if that machine keeps it. */
  kept: boolean;
  /** True for the machine whose file it is. */
  owner: boolean;
};

/** Copies a file of this machine into a folder that it shares. */
export type FilePutRequest = {
  /** Absolute path of the file. */
  from: string;
  /** Where it is to be: a name that is free, or a folder, written as in a `FilesRequest`. */
  to: string;
  /** Whether it replaces another file that lies there. */
  overwrite?: boolean;
};

/** One file or folder of the tree. */
export type FileRequest = {
  /** `/machine/share/…`, written as in a `FilesRequest`. */
  path: string;
};

/** What became of a check of what lies here. */
export type FileVerified = {
  /** Files that were checked. */
  files: number;
  /** Bytes that were checked. */
  bytes: number;
  /** Bytes that were wrong, and are not here any more. */
  wrong_bytes: number;
  /** Paths of files of which something was wrong, at most `FileVerified::MAX_WRONG`. */
  wrong: Array<string>;
};

/** Something in the tree. */
export type FileView = {
  /** The last part of its path. */
  name: string;
  /** What it is. */
  kind: TreeKind;
  /** Bytes of content; 0 for everything but files. */
  size_bytes: number;
  /** When its content changed, in milliseconds since 1970; 0 where that is not known. */
  modified_ms: number;
  /** Whether its owner may execute it. */
  executable: boolean;
  /** Where a link leads, relative to its folder. */
  target: string | null;
  /** The hash of its content, where that is known already. */
  blob: BlobId | null;
  /** False if its machine does not answer: then this is what is remembered here. */
  online: boolean;
  /**
   * Bytes of its content that lie here; of a folder those of all files below it that are known here. Absent for what this
   * machine itself shares: all of it is here.
   */
  here_bytes: number | null;
  /**
   * Bytes of all files below a folder of another machine that are known here: those of which something was read.
   * Absent for everything else.
   */
  known_bytes?: number;
  /** True if another version of it lies here than its machine has now. */
  outdated?: boolean;
  /** True if it, or a folder above it, is kept here. */
  kept: boolean;
  /** True while it, or something in it, is fetched as a whole. */
  fetching: boolean;
};

/** Names in a folder, in their order as bytes. */
export type FilesPage = {
  /** The folder. */
  path: string;
  /** What is in it. */
  files: Array<FileView>;
  /** True if more follow the last one. */
  more: boolean;
  /** False if its machine does not answer: then this is what is remembered here, those files of which something was read. */
  online: boolean;
};

/** A page of a folder of the tree. */
export type FilesRequest = {
  /**
   * `/machine/share/…`; empty for the top. A byte that is not UTF-8 is written `%XX`, and so is a `%` before two such
   * digits.
   */
  path: string;
  /** Only names after this one, written like the path. */
  after?: string | null;
};

/** One checked thing. */
export type Finding = {
  /** What was checked, a word or two: `socket`, `tool blender`, `clock of mill`. */
  what: string;
  /** Whether it works. */
  ok: boolean;
  /** What was found, one sentence. */
  sentence: string;
  /** What to do about it; empty when nothing. */
  next_step: string;
};

/** What is wrong with a picture that landed: a warning, its task counts all the same. */
export type Flaw = "black" | "nan" | "truncated" | "undecodable";

/** Files of a job with the same flaw. */
export type FlawView = {
  /** What is wrong. */
  flaw: Flaw;
  /** With how many files; the first thousands are counted. */
  count: number;
  /** The task that made the first one. */
  example: TaskKey;
  /** Its label. */
  example_label: string;
  /** Where the first one lies. */
  path: string;
  /** Tasks that made them, by step and index; at most `FlawView::MOST_TASKS`. */
  tasks: Array<TaskKey>;
};

/** What a folder holds, with all folders in it. */
export type FolderContents = {
  /** How many files. */
  files: number;
  /** Their size in bytes. */
  size_bytes: number;
  /** True when there is more: counting ended at its limit. */
  at_least: boolean;
};

/** Forgets what is held against a machine. */
export type ForgiveRequest = {
  /** Its name, or the beginning of its id. */
  machine: string;
  /** For this program alone; for all when absent. */
  program?: string | null;
};

/** First, last and step of a frame range. */
export type FrameRange = {
  /** First frame. */
  first: number;
  /** Last frame, inclusive. */
  last: number;
  /** Every so many frames; at least 1. */
  step: number;
};

/** What became of a wish about the members. */
export type GovernedView = {
  /** False if another admin has to confirm it first. */
  in_effect: boolean;
  /** One sentence. */
  sentence: string;
};

/** A graphics card that programs can compute on. */
export type Gpu = {
  /** As its driver calls it. */
  name: string;
  /** `nvidia`, `amd`, `intel` or `other`. */
  vendor: string;
  /** Its own memory in bytes; 0 when unknown. */
  memory_bytes: number;
};

/** A grid: random, made once with its first peer. */
export type GridId = string;

/** Lets another machine go on with jobs. */
export type HandOverRequest = {
  /** Which job; all that have not ended when absent. */
  job?: string | null;
  /** Name or id prefix of the machine; the one that has a copy and comes first when absent. */
  to?: string | null;
};

/** Who goes on with a job. */
export type HandedOverView = {
  /** The job. */
  job: JobId;
  /** The machine that has it now. */
  steward: PeerId;
  /** What people call that machine. */
  steward_name: string;
};

/** What a machine is; measured at start and when devices change. */
export type Hardware = {
  /** Short host name, lower case; empty when the machine has none worth a label. */
  hostname: string;
  /** Operating system family. */
  os: OsFamily;
  /** Operating system in its own words: `Debian GNU/Linux 12`. */
  os_name: string;
  /** `x86_64`, `arm64` or the name Rust uses. */
  arch: string;
  /** Processor name. */
  cpu_model: string;
  /** Logical cores this process may use. */
  cpu_count: number;
  /** Memory in bytes, the cgroup's limit if that is lower. */
  memory_bytes: number;
  /** Size of the file system that holds the data folder, in bytes. */
  disk_bytes: number;
  /** Graphics cards. */
  gpus: Array<Gpu>;
  /** Installed programs that recipes know. */
  tools: Array<Tool>;
  /** Benchmark score: how many times the reference core's work all cores do per second; 0.0 until measured. */
  score: number;
};

/** What the grid did over time. */
export type HistoryRequest = {
  /** How far back, in seconds: at most `HistoryRequest::MAX_SECS`, 0 means that. */
  secs?: number;
};

/** Samples at equal distances, oldest first. */
export type HistoryView = {
  /** Seconds between two samples. */
  every_secs: number;
  /** When the first sample was taken. */
  from: Stamp;
  /** Tasks that ended well between two samples, for jobs of this machine; absent where the node did not run. */
  tasks_done: Array<number | null>;
  /** One series for each machine that was seen. */
  machines: Array<MachineHistory>;
};

/** Starts nothing new of a job or of one of its tasks. */
export type HoldRequest = {
  /** As in `TargetRequest::target`. */
  target: string;
  /** Stop also what runs: it goes on from what it left, or begins anew, once it is released. */
  now?: boolean;
};

/** What happens to a file that has a result's name and is not what the grid put there: a person's, or changed since. */
export type InTheWay = "keep" | "replace" | "beside";

/** One run of a node: random at every start, so that peers notice a restart at once. */
export type Incarnation = string;

/**
 * A code and a link, either of which lets one machine in, once a person here has approved it. This is the only place that
 * shows the code.
 */
export type InvitationView = {
  /** Eight letters and digits in two groups, good for one guess. */
  code: string;
  /** The same as a link, for a QR code. */
  link: string;
  /** When both stop being good. */
  expires: Stamp;
  /** Where the other machine finds this one, `HOST:PORT`; the first one is the most useful. */
  addresses: Array<string>;
};

/** Makes an invite. */
export type InviteRequest = {
  /** How long it stays good, in seconds; the node's choice when absent. */
  ttl_secs?: number | null;
  /** Whoever makes it approves the machine that comes with it now, unseen: nobody is asked then. For scripts. */
  approve_now?: boolean;
  /** What the machine that comes with it may do on the others; everything when absent. */
  roles?: Array<Role> | null;
  /** How long that machine stays once it is let in, in seconds, if it comes as a guest. */
  guest_secs?: number | null;
};

/** An invite. */
export type InviteView = {
  /** What the other machine gives to `gridwell join`; good for one machine. */
  link: string;
  /** When it stops being good. */
  expires: Stamp;
};

/** How programs of jobs are kept apart from the rest of a machine. */
export type Isolation = "landlock" | "namespaces";

/** A job in full. */
export type JobDetail = {
  /** Its steps, in order. */
  steps: Array<StepView>;
  /** Values of its parameters, by name. */
  parameters: Array<[string, string]>;
  /** Number of files it reads. */
  input_count: number;
  /** Their size in bytes. */
  input_bytes: number;
  /** The job. */
  id: JobId;
  /** What people call it. */
  name: string;
  /** The recipe that made it. */
  recipe: string;
  /** Where it stands. */
  state: JobState;
  /** −100 … 100; higher goes first. */
  priority: number;
  /** Its tasks by state. */
  counts: TaskCounts;
  /** Those of the tasks that are done because an earlier job had made the same from the same. */
  reused: number;
  /** Those of the tasks of which a checkpoint is kept: they go on from it should they be stopped or their machine vanish. */
  saved: number;
  /** When the newest of these was kept; absent if none is, or if that was before the node of its steward started. */
  saved_at: Stamp | null;
  /** What one task is called: `frame` when each is one picture, else `task`. */
  task_word: string;
  /** 0 … 1: ended tasks, and running ones by what they say. */
  progress: number;
  /** Estimated time to the end in seconds; absent while unknown, when held and when ended. */
  time_left_secs: number | null;
  /** When it was submitted. */
  submitted: Stamp;
  /** When its first task started. */
  started: Stamp | null;
  /** When its last task ended. */
  ended: Stamp | null;
  /** The machine it came from. */
  origin: PeerId;
  /** What people call that machine. */
  origin_name: string;
  /** Absolute folders at the origin into which results land. */
  output_folders: Array<string>;
  /** Machines that ended tasks of it, or run some now; most done first. */
  made_by: Array<MadeBy>;
  /** Failed tasks grouped by reason, most frequent first; at most `JobView::MAX_FAILURES`. */
  failures: Array<FailureView>;
  /** One sentence while it waits, or all that runs of it stands still: for what, and why. Empty otherwise. */
  waits_for: string;
  /** The machine that keeps its records now and places its tasks: mostly the one it came from. */
  steward: PeerId;
  /** What people call that machine. */
  steward_name: string;
  /** True if the job goes on when its steward is switched off: another machine has its records and the files that it reads. */
  safe: boolean;
  /** Why not, in one sentence; empty when it is safe. */
  unsafe_why: string;
  /** Results that are not home yet, and what is wrong with some that are. */
  landing: LandingView;
  /** What its runs took of energy. */
  energy: EnergyView;
};

/** A job: 80 random bits, 16 letters; any unique prefix of at least 4 letters names it to a person's node. */
export type JobId = string;

/** Names one job. */
export type JobRequest = {
  /** Its id or a unique prefix of it. */
  job: string;
};

/** A job's state, derived from its tasks and its own switches. */
export type JobState = "waiting" | "held" | "running" | "done" | "failed" | "cancelled";

/** A job as people see it: one row of a list, and what an event carries when it changes. */
export type JobView = {
  /** The job. */
  id: JobId;
  /** What people call it. */
  name: string;
  /** The recipe that made it. */
  recipe: string;
  /** Where it stands. */
  state: JobState;
  /** −100 … 100; higher goes first. */
  priority: number;
  /** Its tasks by state. */
  counts: TaskCounts;
  /** Those of the tasks that are done because an earlier job had made the same from the same. */
  reused: number;
  /** Those of the tasks of which a checkpoint is kept: they go on from it should they be stopped or their machine vanish. */
  saved: number;
  /** When the newest of these was kept; absent if none is, or if that was before the node of its steward started. */
  saved_at: Stamp | null;
  /** What one task is called: `frame` when each is one picture, else `task`. */
  task_word: string;
  /** 0 … 1: ended tasks, and running ones by what they say. */
  progress: number;
  /** Estimated time to the end in seconds; absent while unknown, when held and when ended. */
  time_left_secs: number | null;
  /** When it was submitted. */
  submitted: Stamp;
  /** When its first task started. */
  started: Stamp | null;
  /** When its last task ended. */
  ended: Stamp | null;
  /** The machine it came from. */
  origin: PeerId;
  /** What people call that machine. */
  origin_name: string;
  /** Absolute folders at the origin into which results land. */
  output_folders: Array<string>;
  /** Machines that ended tasks of it, or run some now; most done first. */
  made_by: Array<MadeBy>;
  /** Failed tasks grouped by reason, most frequent first; at most `JobView::MAX_FAILURES`. */
  failures: Array<FailureView>;
  /** One sentence while it waits, or all that runs of it stands still: for what, and why. Empty otherwise. */
  waits_for: string;
  /** The machine that keeps its records now and places its tasks: mostly the one it came from. */
  steward: PeerId;
  /** What people call that machine. */
  steward_name: string;
  /** True if the job goes on when its steward is switched off: another machine has its records and the files that it reads. */
  safe: boolean;
  /** Why not, in one sentence; empty when it is safe. */
  unsafe_why: string;
  /** Results that are not home yet, and what is wrong with some that are. */
  landing: LandingView;
  /** What its runs took of energy. */
  energy: EnergyView;
};

/** Which jobs to list. */
export type JobsRequest = {
  /** Leave out jobs that have ended. */
  active?: boolean;
  /** Most jobs to list; 0 means all that are kept. */
  limit?: number;
};

/** Joins a grid. */
export type JoinRequest = {
  /** The link that `invite` made. */
  link: string;
};

/** The grid that was joined. */
export type JoinedView = {
  /** The grid. */
  grid: GridId;
  /** Names of its machines, this one included. */
  machines: Array<string>;
};

/** How the results of a job land from now on; what waits is tried again at once. */
export type LandRequest = {
  /** The job's id, or a unique prefix. */
  job: string;
  /** What happens to files in the way. */
  in_the_way?: InTheWay;
};

/** Where the results of a job are that are not at home yet, and what was found in those that are. */
export type LandingView = {
  /** What happens to files in the way. */
  in_the_way: InTheWay;
  /** Files that wait because other files have their names; they are kept at the origin. */
  held: number;
  /** Absolute path of the first file in the way; empty without one. */
  held_path: string;
  /** Tasks whose results other machines keep until they are home. */
  away: number;
  /** Why results wait to be brought home, one sentence; empty when none does. */
  waits: string;
  /** What is wrong with files that landed, by kind. */
  flaws: Array<FlawView>;
};

/** What happened to links. */
export type LayoutChange = {
  /** When. */
  at: Stamp;
  /** What, one sentence. */
  sentence: string;
};

/** Shapes that the links of a grid may have. */
export type LayoutKind = "mesh" | "chain" | "star" | "sites";

/** Changes which links the grid has. */
export type LayoutRequest = {
  /** The shape; absent to look at what holds. */
  kind?: LayoutKind | null;
  /** Of a chain, machines in their order (those not named follow); of a star, the middle (this machine if absent). */
  machines?: Array<string>;
  /** Only says what would change. */
  preview?: boolean;
  /** Goes back to the plan before the one that holds; `kind` is absent then. */
  undo?: boolean;
  /**
   * The `LayoutView::revision` that the asker saw: refused with `ErrorCode::LinkChanged` when somebody made
   * another plan since; not checked when absent.
   */
  expected?: number | null;
};

/** Which links the grid is to have, and who looks for better ones. */
export type LayoutView = {
  /** The shape that was asked for last; a mesh if never. */
  kind: LayoutKind;
  /** Grows with each plan; 0 if there never was one. */
  revision: number;
  /** Who asked for it, and when. */
  changed: [PeerId, Stamp] | null;
  /** What a preview would make, and what the plan that holds has not made yet. */
  adds: Array<PairView>;
  /** What a preview would let go, and what the plan that holds has not let go yet. */
  removes: Array<PairView>;
  /** Programs that change this machine's links. */
  behaviours: Array<BehaviourView>;
  /** Changes of the layout and of this machine's links that were made here or heard of, newest first. */
  history: Array<LayoutChange>;
};

/** What the owner of a machine wants of another one, for the jobs that start on the first. */
export type Leaning = "prefer" | "keep_off";

/** When a machine goes down a step and comes back up. Times are in seconds, loads are shares of all cores, 0 … 1. */
export type LendLadder = {
  /** Input more recent than this means that somebody is there. */
  touched_secs: number;
  /** Without input for this long, nobody is there any more. */
  gone_secs: number;
  /** Load of others above this softens … */
  soften_load: number;
  /** … when it lasts this long. */
  soften_after_secs: number;
  /** Load of others from this on freezes … */
  freeze_load: number;
  /** … when it lasts this long. */
  freeze_after_secs: number;
  /** Shortest stay on a step before it comes back up. */
  dwell_secs: number;
  /** What has been frozen for this long goes back. */
  pack_after_secs: number;
  /** Longest time a program gets to write what it has. */
  grace_secs: number;
  /** Who needs no longer than this finishes first. */
  nearly_secs: number;
};

/** How much of a machine is lent. Shares are 0 … 1. */
export type LendLimits = {
  /** Logical cores; all when absent. */
  cpus: number | null;
  /** Share of these while somebody is there. */
  cpus_in_use: number;
  /** Share of the memory. */
  memory: number;
  /** Share of the memory while somebody is there. */
  memory_in_use: number;
  /** Whether graphics are lent. */
  graphics: boolean;
  /** Free space that stays free, in bytes: with less nothing new starts. */
  disk_reserve_bytes: number;
  /** Files of other machines that are kept because they were read here, in bytes. */
  cache_bytes: number;
  /** Files that go over all links together, each way, in bytes per second; no limit when absent. */
  network: number | null;
};

/** What keeps a machine from lending. */
export type LendNever = {
  /** One of these programs runs. */
  programs: Array<string>;
  /** A program covers the screen. */
  full_screen: boolean;
  /** It runs on its battery. */
  on_battery: boolean;
  /** Somebody else keeps the graphics busy: they are not lent, the rest is. */
  graphics_busy: boolean;
  /** The network costs by the byte: nothing new starts for others. */
  metered: boolean;
  /** It is hotter than this, in °C, 40 … 110. */
  hotter_than: number | null;
};

/** When a machine lends. */
export type LendWhen =
  | { kind: "dedicated" }
  | { kind: "always" }
  | {
    kind: "idle";
    /** How long, in seconds. */
    after_secs: number;
  }
  | {
    kind: "within";
    /** For each day from Monday on a number, of whose bits 0 … 23 each is an hour. */
    hours: [number, number, number, number, number, number, number];
  }
  | {
    kind: "idle_within";
    /** How long, in seconds. */
    after_secs: number;
    /** As above. */
    hours: [number, number, number, number, number, number, number];
  }
  | {
    kind: "idle_or_within";
    /** How long, in seconds. */
    after_secs: number;
    /** As above. */
    hours: [number, number, number, number, number, number, number];
  };

/** A pause of lending. */
export type LendingPause = {
  /** For how many seconds, at most 31 days; 0 ends it. */
  secs: number;
  /** What happens to work of others that runs here. */
  how: OnReturn;
  /** Keeps only this part of the machine back. */
  only?: LentPart | null;
};

/** Shows how this machine lends, or changes that. */
export type LendingRequest = {
  /** Its owner's rules from now on, all of them. */
  rules?: LendingRules | null;
  /** Begins or ends a pause. */
  pause?: LendingPause | null;
  /** How programs of jobs are kept apart from the rest of the machine, in sessions that open from now on. */
  isolation?: Isolation | null;
};

/** What the owner of a machine allows. */
export type LendingRules = {
  /** When it lends. */
  when: LendWhen;
  /** What keeps it from lending, whatever the time. */
  never_while: LendNever;
  /** How much of it is lent. */
  limits: LendLimits;
  /** What happens to work of others when somebody comes back to the machine. */
  on_return: OnReturn;
  /** Works for jobs of its owner alone. */
  only_mine: boolean;
  /** Jobs of its owner wait for idleness too. */
  mine_wait: boolean;
  /** Keeps the machine from falling asleep while it works, or others work for its jobs; never to wait for work. */
  keep_awake: boolean;
  /** When it goes down a step and comes back up; the usual one suits nearly everybody. */
  ladder: LendLadder;
  /** Whether others may wake it once it sleeps, when work waits that no machine takes. */
  wake_for_work: boolean;
  /** For how many seconds nobody must have used it before it sleeps, 1 … 31 days; it never does by itself when absent. */
  sleep_after_secs: number | null;
};

/** How this machine lends, now and by its rules. */
export type LendingView = {
  /** How it stands. */
  standing: Standing;
  /** What jobs of others may use of it now; nothing while it does not lend. */
  others: Share;
  /** What jobs of its owner may use of it now. */
  own: Share;
  /** Why others get nothing; empty while they do. */
  why_not: string;
  /** Everything that is against lending now, what a person said first. */
  objections: Array<ObjectionView>;
  /** Its owner's rules. */
  rules: LendingRules;
  /** When a pause ends by itself, while one holds. */
  paused_until: Stamp | null;
  /** True while its owner lets it take nothing new, until they say so. */
  drained: boolean;
  /** How programs of jobs are kept apart from the rest of the machine. */
  isolation: Isolation;
  /** Until when its graphics are kept back. */
  graphics_until: Stamp | null;
  /** Until when its network is kept back. */
  network_until: Stamp | null;
  /** What it knows of its owner by, and of itself. */
  senses: Array<SenseView>;
  /** Within how many milliseconds everything that runs here makes room when its owner comes back. */
  promise_ms: number;
  /** What programs cost here, ever. */
  programs: Array<ProgramView>;
  /** What all of them cost here in the last seven days. */
  week: CostView;
};

/** A part of a machine that can be kept back by itself. */
export type LentPart = "graphics" | "network";

/** Licences that one machine has for one job. */
export type LimitHolderView = {
  /** The machine. */
  machine: PeerId;
  /** Its name. */
  name: string;
  /** The job. */
  job: JobId;
  /** How many. */
  count: number;
};

/** Shows limits, or changes one that this machine keeps. */
export type LimitRequest = {
  /** Which to change: small letters, digits, `_` and `-`; none when absent. */
  name?: string | null;
  /** Most licences in use at once; absent to keep the limit no longer. */
  cap?: number | null;
};

/** A counted licence, and who has it. */
export type LimitView = {
  /** What people call it. */
  name: string;
  /** Most licences in use at once. */
  cap: number;
  /** Licences in use. */
  in_use: number;
  /** True while the machine that keeps it has just started: it gives none away before it has heard who has one. */
  settling: boolean;
  /** The machine that keeps it. */
  keeper: PeerId;
  /** Its name. */
  keeper_name: string;
  /** Who has licences. */
  holders: Array<LimitHolderView>;
};

/** Answers what the owner of another machine asks. */
export type LinkAnswerRequest = {
  /** Name or id prefix of the machine that asks. */
  machine: string;
  /** Yes or no. After a no it may still become a yes. */
  allow: boolean;
  /** Answer what it asks later so, too, unseen. Without it such a standing answer ends. */
  always?: boolean;
};

/** How far an ask is. What was allowed and done, taken back, or is over, is no ask any more. */
export type LinkAskState = "sending" | "waiting" | "allowed" | "declined";

/** The owner of one machine asks the owner of another one to let it pin the link between the two. */
export type LinkAskView = {
  /** The machine whose owner asks. */
  from: PeerId;
  /** What people call it. */
  from_name: string;
  /** The machine whose owner is asked. */
  peer: PeerId;
  /** What people call it. */
  name: string;
  /** How far it is. */
  state: LinkAskState;
  /** When it was asked or, at the machine that is asked, heard. */
  asked: Stamp;
  /** When it is over by itself; absent until it has reached the other machine. */
  until: Stamp | null;
};

/** What owners of machines ask each other, as far as it concerns this machine. */
export type LinkAsksView = {
  /** What this machine asks, then what it is asked. */
  asks: Array<LinkAskView>;
  /** Machines whose asks are answered unseen. */
  always: Array<AlwaysView>;
};

/** One change of links. */
export type LinkChangeView = {
  /** Grows from one to the next. */
  id: number;
  /** When it was made, or heard of. */
  at: Stamp;
  /** The machine at which it was made. */
  by: PeerId;
  /** What people call it. */
  by_name: string;
  /** The other end of the link, if it is about one. */
  peer: PeerId | null;
  /** What, one sentence. */
  sentence: string;
  /** What the owner there wanted of the link before, and since then; absent for what was not about one link. */
  wanted: [LinkPolicy, LinkPolicy] | null;
  /** True if this machine can go back behind it. */
  can_undo: boolean;
};

/** What became of links of this machine. */
export type LinkHistoryView = {
  /** The newest first; the last 200 are kept. */
  changes: Array<LinkChangeView>;
};

/** Names one link in the eyes of one of its machines. */
export type LinkKey = {
  /** The machine that told of it. */
  from: PeerId;
  /** The other one. */
  peer: PeerId;
};

/** Limits the files that go over a link of this machine, as long as this machine wants; the other end may limit them, too. */
export type LinkLimitRequest = {
  /** The other end: name or id prefix of a machine. */
  machine: string;
  /** Most bytes a second, each way; no limit when absent. */
  bytes_per_sec?: number | null;
};

/** What people want of a link. */
export type LinkPolicy = "automatic" | "pinned" | "forbidden";

/** Changes what people want of a link of this machine. */
export type LinkRequest = {
  /** One end: name or id prefix of a machine. */
  from: string;
  /** The other end. */
  to: string;
  /** What is wanted of it. */
  policy: LinkPolicy;
  /**
   * The `LinkView::revision` that the asker saw: refused with `ErrorCode::LinkChanged` when somebody
   * changed the link since, unless what is wanted holds already; not checked when absent.
   */
  expected?: number | null;
  /** Also when it cuts machines off from this one. */
  cut_off?: boolean;
};

/** Whether a link carries anything. */
export type LinkState = "connecting" | "up" | "down";

/** Goes back behind a change of links. */
export type LinkUndoRequest = {
  /** Which change; the newest that this machine made and that was not undone, when absent. */
  id?: number | null;
  /** Also over what somebody else changed since, and when it cuts machines off. */
  anyway?: boolean;
};

/** A link between two machines, as the machine `from` sees it. */
export type LinkView = {
  /** The machine that tells: this one, or another one about a link of its own. */
  from: PeerId;
  /** The other machine. */
  peer: PeerId;
  /** What people call it. */
  name: string;
  /** Whether it carries anything. */
  state: LinkState;
  /** What holds, from what the owners of both ends want: forbidden if either forbids it, else pinned if either pins it. */
  policy: LinkPolicy;
  /** Grows with each change at either end; 0 when nobody ever changed anything. */
  revision: number;
  /** The machine at which something was last changed, and when. */
  changed: [PeerId, Stamp] | null;
  /** The other end's address now, or the one tried last; empty for links of other machines. */
  address: string;
  /** Last round-trip time in milliseconds. */
  rtt_ms: number | null;
  /** Since when it has been in this state. */
  since: Stamp;
  /** Bytes received over it since the node started. */
  received_bytes: number;
  /** Bytes sent over it since the node started. */
  sent_bytes: number;
  /** Why it broke or could not be made, last time; may be empty. */
  last_error: string;
  /** How far this machine's ask to pin it is, if there is one. */
  ask?: LinkAskState | null;
  /** Bytes that it carries each second, from files that went over it, smoothed; absent until one did. */
  bytes_per_sec?: number | null;
  /** True if it is down because a machine does without it. */
  rests?: boolean;
  /** Most bytes of files a second, each way, as this machine limits them. */
  limit_bytes_per_sec?: number | null;
};

/** How busy a machine is; refreshed every few seconds. */
export type Load = {
  /** Cores busy with other people's work (the machine's load minus our own sessions), in cores. */
  foreign_cpu: number;
  /** Memory that could be given to a program, in bytes. */
  memory_free_bytes: number;
  /** Free space where the data folder lies, in bytes. */
  disk_free_bytes: number;
};

/** A part of what one task's program wrote. */
export type LogPage = {
  /** The task, or the first one of the chunk that it ran in. */
  task: TaskKey;
  /** Which attempt of those that wrote anything, from 1. */
  attempt: number;
  /** Attempts that have a log. */
  attempts: Array<number>;
  /**
   * Position of the first byte sent: later than asked for if the beginning made room for other logs, up to three bytes
   * earlier so that a character is whole.
   */
  from: number;
  /** Bytes that the attempt wrote so far, without those beyond what is kept of one attempt (its last line says so then). */
  total_bytes: number;
  /** Standard output and error as they came; bytes that are not UTF-8 are replaced in JSON only. */
  text: string;
  /** Position after the last byte sent: where the next page begins. Half a character at the end waits for its rest. */
  next: number;
};

/** A part of what one task's program wrote. */
export type LogPageRequest = {
  /** `JOB.INDEX` or `JOB.STEP.INDEX`; JOB may be a unique prefix. */
  target: string;
  /** Which attempt, from 1; the last one when absent. */
  attempt?: number | null;
  /** First byte wanted; the last page when absent. */
  from?: number | null;
  /** Most bytes to send: at most `LogPageRequest::MAX_BYTES`, 0 means that. */
  limit?: number;
};

/** A piece of what a task's program wrote. */
export type LogPiece = {
  /** The task (the first of its chunk). */
  task: TaskKey;
  /** Its label. */
  label: string;
  /** What people call the machine that ran it. */
  machine: string;
  /** Which attempt, from 1. */
  attempt: number;
  /** Position of the piece's first byte in that attempt's log; a jump says that bytes are missing. */
  offset: number;
  /** Standard output and error as they came; bytes that are not UTF-8 are replaced in JSON only. */
  text: string;
};

/** What tasks' programs wrote. */
export type LogsRequest = {
  /** `JOB`, `JOB.INDEX` or `JOB.STEP.INDEX`; JOB may be a unique prefix. */
  target: string;
  /** Stay until the target has ended, sending what comes. */
  follow?: boolean;
  /** Bytes of a task's log to skip; for one task only. */
  after?: number;
  /** Send only about the last so many bytes of what is there now; 0 means all. */
  tail?: number;
};

/** What changes often on a machine, so that the rest of its view is not told each time. See `MachineView`. */
export type MachineActivity = {
  /** Which. */
  id: PeerId;
  /** What it does, in one word. */
  state: MachineState;
  /** Other people's load on it. */
  load: Load;
  /** What of what it lends is free now. */
  free: Share;
  /** Tasks it runs now. */
  running: number;
  /** Tasks it did well for jobs of this machine. */
  made: number;
};

/** What one machine did over time; absent samples: it was not reachable, or this node did not run. */
export type MachineHistory = {
  /** Which. */
  machine: PeerId;
  /** What people call it. */
  name: string;
  /** Cores that jobs held. */
  lent_cpus: Array<number | null>;
  /** Cores busy with other people's work. */
  foreign_cpus: Array<number | null>;
  /** Tasks that it did well between two samples, for jobs of this machine. */
  tasks_done: Array<number | null>;
};

/** What a machine does, in one word. */
export type MachineState = "ready" | "working" | "in_use" | "paused" | "offline" | "problem";

/** A machine of the grid. */
export type MachineView = {
  /** Which. */
  id: PeerId;
  /** What people call it. */
  name: string;
  /** True for the machine that answers. */
  this: boolean;
  /** Whether it is reachable now. */
  online: boolean;
  /** What it does, in one word. */
  state: MachineState;
  /** What it is. */
  hardware: Hardware;
  /** Labels its owner set. */
  labels: { [key in string]: string };
  /** Other people's load on it. */
  load: Load;
  /** What jobs may use of it altogether. */
  lends: Share;
  /** What of that is free now. */
  free: Share;
  /** False while it takes nothing new. */
  accepts: boolean;
  /** Why, one sentence, when `accepts` is false; else why work on it has less, while it does; empty otherwise. */
  why_not: string;
  /** Tasks it runs now. */
  running: number;
  /** Tasks it did well for jobs of this machine. */
  made: number;
  /** How it stands toward the work of others. */
  standing: Standing;
  /** When its pause ends by itself; absent when it is not paused, or until its owner says so. */
  paused_until: Stamp | null;
  /** Version of its program; empty while unknown. */
  version: string;
  /** When it was last heard of; absent while it is online or if never. */
  last_seen: Stamp | null;
  /** How its owner tuned gravity. */
  tuning: Tuning;
  /** What is known of the energy that it takes. */
  power: Power;
  /** What is wanted of it for the jobs that start on the machine that answers; absent if nothing. */
  leaning?: Leaning;
  /** True while somebody wants to be told once it is back. */
  awaited?: boolean;
  /** True if its owner lets others wake it for work once it sleeps. */
  wakes_for_work?: boolean;
  /**
   * Since when no other machine of the grid can be reached from here; absent while that is news of no interest, and
   * for other machines.
   */
  isolated_since: Stamp | null;
  /**
   * How far programs of jobs are kept from what is its owner's: `full`, `partial: …` or `none: …`; absent for other
   * machines.
   */
  confinement?: string;
  /** The machines over which it is reached, in this order; absent while there is a link with it, or no way. */
  via?: Array<PeerId>;
  /**
   * Programs that fail there and end well elsewhere, as the machine that answers has seen: it offers it none of them while
   * another machine fits. Absent if there are none.
   */
  sick?: Array<SickView>;
};

/** What one machine did for a job. */
export type MadeBy = {
  /** The machine. */
  machine: PeerId;
  /** What people call it. */
  name: string;
  /** Tasks it did well. */
  done: number;
  /** Attempts of it that failed. */
  failed: number;
  /** Tasks it runs or holds now. */
  running: number;
};

/** A member of the grid. */
export type MemberView = {
  /** Its key. */
  id: PeerId;
  /** What people call it. */
  name: string;
  /** True for this machine. */
  this: boolean;
  /** What it may do on the others. */
  roles: Array<Role>;
  /** True if it has a guest pass, which ends; other certificates are renewed. */
  guest: boolean;
  /** When its guest pass or its certificate ends. */
  until: Stamp;
  /** True if that is over. */
  expired: boolean;
  /** When it was let in. */
  since: Stamp;
};

/** Who belongs to the grid. */
export type MembersView = {
  /** The grid. */
  grid: GridId;
  /** Every member, this machine first. */
  members: Array<MemberView>;
  /** Machines that were members. */
  revoked: Array<RevokedView>;
  /** What another admin has to confirm. */
  proposals: Array<ProposalView>;
  /** Whether recovery words are set. */
  recovery: boolean;
};

/** Shows the tree as a folder of this machine. */
export type MountRequest = {
  /** Absolute path of an empty folder; it is made if it is not there. */
  dir: string;
  /** Whether exactly those bytes move that programs read. */
  strict?: boolean;
};

/** Where the tree is shown as a folder. */
export type MountView = {
  /** The folder; absent while it is shown nowhere. */
  dir: string | null;
  /** Whether exactly those bytes move that programs read. */
  strict: boolean;
};

/** A machine on the same network that shows a code now. Anybody can claim to be one: only the right code proves it. */
export type NearbyView = {
  /** The random name under which it was found; another one for each code. */
  nameplate: string;
  /** What people call it, as it says; its address when it says nothing. */
  machine: string;
  /** Its key, as the connection proved it; absent when it was not reached. */
  peer: PeerId | null;
  /** The beginning of that key in groups; may be empty. */
  fingerprint: string;
  /** Where it is, each `HOST:PORT`. */
  addresses: Array<string>;
};

/** Hard requirements: all must hold, or the machine does not fit. */
export type Needs = {
  /** Countable things. */
  amounts: Array<AmountNeed>;
  /** Words. */
  attributes: Array<AttributeNeed>;
  /** Machines (by name or id prefix) that alone may run it; empty means any. */
  only_on: Array<string>;
  /** True when its program uses every core there is: a task then reserves all cores that its machine lends. */
  all_cores: boolean;
};

/** Something a person should know; kept, see `Request::Activity`. */
export type Notice = {
  /** Grows from notice to notice, also over restarts. */
  id: number;
  /** When it happened. */
  at: Stamp;
  /** What it is about, for filters and notifications. */
  kind: NoticeKind;
  /** How much it matters. */
  level: NoticeLevel;
  /** What happened, one sentence. */
  sentence: string;
  /** The job it is about. */
  job: JobId | null;
  /** The machine it is about. */
  machine: PeerId | null;
};

/** What a notice is about. */
export type NoticeKind =
  | "job_started"
  | "job_done"
  | "job_failed"
  | "job_cancelled"
  | "machine"
  | "link"
  | "lending"
  | "results"
  | "other"
  | "back";

/** How much a notice matters. */
export type NoticeLevel = "info" | "warning" | "problem";

/** One thing that is against lending. */
export type ObjectionView = {
  /** Who objects: `manual`, `timed`, `calendar` or `automatic`. */
  flag: string;
  /** Against whose work: `everyone`, `others`, `graphics`, or `desktop` (others' on the card that draws the desktop). */
  scope: string;
  /** How much: `hold` (nothing new), `soften`, `freeze`, `pack` or `end`. */
  rung: string;
  /** Why, in one word such as `in_use`. */
  reason: string;
  /**
   * The figure behind it, if it has one: seconds since the last input or until the hours end, a share 0 … 1, °C, bytes, or percent
   * of the battery.
   */
  value: number | null;
  /** The program, for `program`. */
  name: string | null;
  /** When it ends by itself, if that is known. */
  until: Stamp | null;
  /** One sentence that fits behind the machine's name. */
  sentence: string;
  /** The figures behind it, such as `12 s ago`; empty if there are none. */
  figures: string;
};

/** Where the work of others goes. */
export type OnReturn =
  | { kind: "soften" }
  | {
    kind: "finish";
    /** In seconds, at most an hour. */
    within_secs: number;
  }
  | { kind: "freeze" }
  | { kind: "pack" }
  | { kind: "end" };

/** Operating system family, in Open Job Description's words. */
export type OsFamily = "linux" | "windows" | "macos";

/** Decides about a pairing. */
export type PairAnswerRequest = {
  /** Which: its id, or the name or the first letters of the id of the machine. The only one that waits when empty. */
  pairing?: string;
  /** `true` lets the machine in. `false` does not; where this machine asks to be let in, it gives up. */
  approve: boolean;
};

/** Asks to be let in with a code that another machine shows. */
export type PairCodeRequest = {
  /** As a person typed it. */
  code: string;
  /** Where the other machine is, `HOST:PORT`; the one machine nearby that shows a code when absent. */
  at?: string | null;
};

/** Asks to be let in with a link. */
export type PairEnterRequest = {
  /** The link. */
  link: string;
  /** Where the other machine is, `HOST:PORT`, when the addresses in the link do not lead there. */
  at?: string | null;
};

/** What proves that a machine was invited. */
export type PairMethod = "code" | "link";

/** Shows a code and a link on this machine. */
export type PairShowRequest = {
  /** How long they stay good, in seconds: at most `PairShowRequest::MAX_SECS`, which is also taken when absent. */
  ttl_secs?: number | null;
};

/** Which side of a pairing this machine is on. */
export type PairSide = "host" | "guest";

/** How far a pairing is. */
export type PairState = "reaching" | "waiting" | "joined" | "rejected" | "timed_out" | "cancelled" | "failed";

/** A link by its ends. */
export type PairView = {
  /** One end. */
  from: PeerId;
  /** Its name. */
  from_name: string;
  /** The other end. */
  to: PeerId;
  /** Its name. */
  to_name: string;
};

/** One machine that is being let in, or was a moment ago. */
export type PairingView = {
  /** Names it on this machine, while the node runs. */
  id: number;
  /** Which side this machine is on. */
  side: PairSide;
  /** What proves the invitation. */
  method: PairMethod;
  /** What people call the other machine, as it says; its address until it has said so. */
  machine: string;
  /** Its key, as the connection proved it; absent until it was reached. */
  peer: PeerId | null;
  /** The beginning of that key in groups, for people to compare with `gridwell status` there; empty until it was reached. */
  fingerprint: string;
  /** Where it is, `HOST:PORT`; may be empty. */
  address: string;
  /** Four words that both screens show; empty until both sides have proved themselves. */
  words: Array<string>;
  /** How far it is. */
  state: PairState;
  /** What that means, one sentence. */
  sentence: string;
  /** Why it failed, for programs; absent unless it did. */
  error: ErrorCode | null;
  /** When it began. */
  since: Stamp;
  /** When the wait for a person ends by itself; absent before and after that wait. */
  until: Stamp | null;
};

/** What pairing does on this machine. */
export type PairingsView = {
  /** Whether this machine looks for others nearby, and is found by them while it shows a code. */
  nearby: boolean;
  /** Until when a code is shown here; absent when none is. */
  code_until: Stamp | null;
  /** Pairings under way, and the last few that ended; oldest first. */
  pairings: Array<PairingView>;
};

/** A parameter of a job. */
export type ParameterView = {
  /** Its name. */
  name: string;
  /** `STRING`, `PATH`, `INT` or `FLOAT`, as Open Job Description calls them. */
  kind: string;
  /** Its value; absent when it must be given. */
  value: string | null;
  /** What it does; may be empty. */
  description: string;
  /** Values it may have; any when empty. */
  choices: Array<string>;
};

/** A peer, known by its Ed25519 public key. */
export type PeerId = string;

/** A wish that counts by the unit: `watts * -0.01`. */
export type PerUnit = {
  /** Capability name of the amount. */
  name: string;
  /** What each unit of it adds to the pull. */
  factor: number;
};

/** A small picture of a result or of a file here. */
export type PictureRequest = {
  /** `JOB`: its newest picture; `JOB.STEP.INDEX`: that task's first one. */
  target?: string | null;
  /** Absolute path of a picture, film or scene on this machine; instead of `target`. */
  path?: string | null;
  /**
   * Path of a picture or scene in the tree, written as in a `FilesRequest`; instead of `target`. What it takes is read from its
   * machine, and nothing else.
   */
  file?: string | null;
  /** Longest side in pixels; rounded to the next step the node makes. */
  size?: number;
};

/** What is known of the energy that a machine takes. What nobody said or measured is absent, never guessed. */
export type Power = {
  /** Watts that it draws with all its cores at work, as its owner says. */
  watts: Watts | null;
  /** What a kilowatt-hour costs there, as its owner says, in the currency that they mean. */
  tariff: Tariff | null;
  /** True if it measures the energy that its processor takes. */
  measured: boolean;
};

/** A wish that makes fitting machines more or less likely. */
export type Preference = {
  /** What is wished for, in the same words as a requirement. */
  what: Needs;
  /** The words as typed, for explanations. */
  words: string;
  /** −5 (avoid) … 5 (strongly prefer); 0 where `per_unit` counts instead. */
  strength: number;
  /** Counts how much a machine has of something, instead of whether it meets `what`. */
  per_unit: PerUnit | null;
};

/** Changes a job's priority. */
export type PriorityRequest = {
  /** The job's id or a unique prefix of it. */
  job: string;
  /** −100 … 100. */
  priority: number;
};

/** What one program cost here, and how it makes room. */
export type ProgramView = {
  /** Name of its recipe; empty for commands. */
  program: string;
  /** How often it made room in each way, and how long that takes at most. */
  steps: Array<YieldView>;
  /** How long it stood still altogether, in seconds. */
  frozen_secs: number;
  /** How much work went with it, in seconds. */
  lost_secs: number;
};

/** What takes the word of a second admin. */
export type ProposalKind = "admin" | "no_admin" | "revoke" | "recovery";

/** What one admin wants and another has to confirm. */
export type ProposalView = {
  /** Who wants it. */
  by: PeerId;
  /** What it would change. */
  what: ProposalKind;
  /** Of which machine; absent for recovery words. */
  machine: PeerId | null;
  /** What, one sentence. */
  sentence: string;
  /** The command that confirms it at another admin's machine. */
  confirm: string;
};

/** Makes this machine an admin by the recovery words. */
export type RecoverRequest = {
  /** The 24 words. */
  words: string;
  /** Machines to revoke with them, admins too: names or the first letters of ids. */
  revoke?: Array<string>;
};

/** Recovery words, shown this once: the grid keeps only their public key. */
export type RecoveryWordsView = {
  /** The 24 words, one blank between two. */
  words: string;
  /** False if another admin has to confirm them first. */
  in_effect: boolean;
  /** One sentence. */
  sentence: string;
};

/** How often a command runs. */
export type Repeat = "once" | { array: number } | { over: string };

/** One wish of a person's program. Each has one answer; everything after that arrives as events. */
export type Request =
  | { ask: "status" }
  | ({ ask: "inspect" } & SubmitRequest)
  | ({ ask: "submit" } & SubmitRequest)
  | ({ ask: "jobs" } & JobsRequest)
  | { ask: "copies" }
  | ({ ask: "job" } & JobRequest)
  | ({ ask: "tasks" } & TasksRequest)
  | ({ ask: "cancel" } & TargetRequest)
  | ({ ask: "retry" } & TargetRequest)
  | ({ ask: "hold" } & HoldRequest)
  | ({ ask: "release" } & TargetRequest)
  | ({ ask: "priority" } & PriorityRequest)
  | ({ ask: "land" } & LandRequest)
  | ({ ask: "why" } & TargetRequest)
  | { ask: "machines" }
  | { ask: "links" }
  | ({ ask: "invite" } & InviteRequest)
  | ({ ask: "join" } & JoinRequest)
  | ({ ask: "pair_show" } & PairShowRequest)
  | { ask: "pair_hide" }
  | ({ ask: "pair_code" } & PairCodeRequest)
  | ({ ask: "pair_enter" } & PairEnterRequest)
  | ({ ask: "pair_answer" } & PairAnswerRequest)
  | { ask: "pairings" }
  | { ask: "nearby" }
  | { ask: "members" }
  | ({ ask: "role" } & RoleRequest)
  | ({ ask: "revoke" } & RevokeRequest)
  | { ask: "recover_set" }
  | { ask: "recover_confirm" }
  | ({ ask: "recover" } & RecoverRequest)
  | { ask: "doctor" }
  | ({ ask: "wake" } & WakeRequest)
  | ({ ask: "doctor_of" } & DoctorRequest)
  | ({ ask: "set" } & SetRequest)
  | ({ ask: "forgive" } & ForgiveRequest)
  | ({ ask: "link" } & LinkRequest)
  | ({ ask: "link_limit" } & LinkLimitRequest)
  | { ask: "link_asks" }
  | ({ ask: "link_answer" } & LinkAnswerRequest)
  | { ask: "link_history" }
  | ({ ask: "link_undo" } & LinkUndoRequest)
  | ({ ask: "layout" } & LayoutRequest)
  | ({ ask: "behaviour" } & BehaviourRequest)
  | ({ ask: "hand_over" } & HandOverRequest)
  | ({ ask: "limit" } & LimitRequest)
  | ({ ask: "lending" } & LendingRequest)
  | { ask: "shares" }
  | ({ ask: "share_add" } & ShareAddRequest)
  | ({ ask: "share_remove" } & ShareRemoveRequest)
  | ({ ask: "share_replicate" } & ShareReplicateRequest)
  | ({ ask: "files" } & FilesRequest)
  | ({ ask: "mount" } & MountRequest)
  | { ask: "unmount" }
  | { ask: "mounted" }
  | ({ ask: "file" } & FileRequest)
  | ({ ask: "file_pin" } & FilePinRequest)
  | ({ ask: "file_fetch" } & FileFetchRequest)
  | ({ ask: "file_free" } & FileRequest)
  | ({ ask: "file_where" } & FileRequest)
  | ({ ask: "file_put" } & FilePutRequest)
  | ({ ask: "file_verify" } & FileRequest)
  | ({ ask: "results" } & ResultsRequest)
  | ({ ask: "log" } & LogPageRequest)
  | ({ ask: "timeline" } & TimelineRequest)
  | ({ ask: "activity" } & ActivityRequest)
  | ({ ask: "history" } & HistoryRequest);

/** A file that landed. */
export type ResultFile = {
  /** Where it lies on this machine. */
  path: string;
  /** Size in bytes. */
  size_bytes: number;
  /** The task that made it. */
  task: TaskKey;
  /** When it landed. */
  landed: Stamp;
  /** What can be shown of it. */
  kind: FileKind;
  /** What is wrong with it, if it was looked into. */
  flaw: Flaw | null;
};

/** Files that landed. */
export type ResultsPage = {
  /** The job. */
  job: JobId;
  /** Files on all pages. */
  total: number;
  /** Their size in bytes. */
  total_bytes: number;
  /** True when the list is full: what landed after that lies in the results folder only. */
  full: boolean;
  /** Those of this page, by step and index of their task, then by path. */
  files: Array<ResultFile>;
};

/** A page of the files that a job brought home. */
export type ResultsRequest = {
  /** `JOB`, `JOB.INDEX` or `JOB.STEP.INDEX`; JOB may be a unique prefix. */
  target: string;
  /** Files to skip. */
  offset?: number;
  /** Most files to send: at most `ResultsRequest::MAX_LIMIT`, 0 means that. */
  limit?: number;
};

/** Takes a machine out of the grid. */
export type RevokeRequest = {
  /** The machine: its name or the first letters of its id. */
  machine: string;
};

/** A machine that was a member. */
export type RevokedView = {
  /** Its key. */
  id: PeerId;
  /** What people called it. */
  name: string;
  /** Who revoked it; nobody named if the recovery words did. */
  by: string | null;
  /** When, by that machine's clock. */
  at: Stamp;
};

/** What a machine of the grid may do on the other machines. */
export type Role = "run" | "files" | "links" | "admin";

/** Changes what a machine may do on the others. */
export type RoleRequest = {
  /** The machine: its name or the first letters of its id. */
  machine: string;
  /** Roles that it gets. */
  give?: Array<Role>;
  /** Roles that it loses. */
  take?: Array<Role>;
};

/** A scene of a file. */
export type SceneView = {
  /** Its name. */
  name: string;
  /** The frames it asks for. */
  frames: FrameRange;
  /** Picture size in pixels, already scaled; absent when unknown. */
  size: [number, number] | null;
  /** Its render engine, as the file calls it; may be empty. */
  engine: string;
  /** True for the one that would be rendered. */
  active: boolean;
};

/** One sense of the machine. */
export type SenseView = {
  /** Which, such as `x11` or `load`. */
  sense: string;
  /** True if it sees keyboard and mouse, and so tells that nobody is there. */
  idle: boolean;
  /** Why it says nothing; absent while it does. */
  missing: string | null;
};

/** Opens a browser's session with a one-time token. */
export type SessionRequest = {
  /** What stood behind `#token=` in the address. */
  token: string;
};

/** A browser's session. Its other half is a cookie, which pages at other ports of this machine get to see. */
export type SessionView = {
  /** Goes with every question: as the header `x-gridwell-key`, or as `key=` in the address where a page cannot set headers. */
  key: string;
};

/** Changes this machine; what is absent stays. */
export type SetRequest = {
  /** `false`: take nothing new and finish what runs; `true`: lend again. */
  lend?: boolean | null;
  /** Lend nothing for so many seconds, then lend again by itself; kept over restarts. 0 ends a pause. */
  pause_secs?: number | null;
  /** What people call this machine: 1 … 64 characters, none of them control characters. */
  name?: string | null;
  /** Logical cores to lend: 0 … all of them. */
  lend_cpus?: number | null;
  /**
   * How use of this machine counts when somebody chooses machines: -100 … 100; 1 is usual, a negative one flips
   * this machine alone.
   */
  weight?: Weight | null;
  /** How machines are chosen for the jobs of this machine. */
  strategy?: Strategy | null;
  /** How sharply the machine that pulls most is favoured: 0 (evenly) … 32 (always the best). */
  sharpness?: Sharpness | null;
  /** For how many seconds no other machine may be reachable before people hear of it: 1 … 86,400. */
  isolated_after_secs?: number | null;
  /** Most bytes of files that are copied here for one job of another machine, so that the job goes on without it. */
  copies_bytes?: number | null;
  /** Most bytes of copies of other machines' shared files that are kept here. */
  share_copies_bytes?: number | null;
  /** Whether this machine looks for others nearby, and is found by them while it shows a code. */
  nearby?: boolean | null;
  /** Whether this machine passes on what others send to each other over its links. */
  relay?: boolean | null;
  /** Over how many links tasks of this machine's jobs go: 1 … 6. */
  reach?: number | null;
  /** Watts that this machine draws with all its cores at work, above 0, at most 100,000; nobody says so any more with `null`. */
  watts?: Watts | null;
  /** What a kilowatt-hour costs here, 0 … 1,000,000 in the currency that its owner means; nobody says so any more with `null`. */
  tariff?: Tariff | null;
  /** What is wanted of machines for the jobs that start here, by name or id, or nothing with `null`. */
  leanings?: { [key in string]: Leaning | null };
  /** Machines, by name or id, of which people want to be told once they are back, or no more. */
  awaited?: { [key in string]: boolean };
  /** Labels to set, or to remove with `null`. */
  labels?: { [key in string]: string | null };
};

/** Part of a machine: what it lends, or what of that is free. */
export type Share = {
  /** Logical cores. */
  cpus: number;
  /** Memory in bytes. */
  memory_bytes: number;
  /** Graphics cards. */
  gpus: number;
};

/** Shows a folder of this machine to others. */
export type ShareAddRequest = {
  /** Absolute path of the folder. */
  path: string;
  /** What it is called in the tree; the folder's own name when absent. */
  name?: string | null;
  /** Machines that see it; when empty, all that may see shared files. */
  to?: Array<string>;
};

/** A shared folder: random, so that it stays the same when it is called otherwise. */
export type ShareId = string;

/** Shows a folder no more. */
export type ShareRemoveRequest = {
  /** What it is called in the tree. */
  name: string;
};

/** Has so many machines keep each file of a share. */
export type ShareReplicateRequest = {
  /** What it is called in the tree. */
  name: string;
  /** Its owner counted: 1 … 32; 1 is none elsewhere. */
  copies: number;
};

/** A folder that a machine shows to others. */
export type ShareView = {
  /** Which. */
  id: ShareId;
  /** What it is called. */
  name: string;
  /** The machine on which it lies. */
  machine: PeerId;
  /** Its name. */
  machine_name: string;
  /** False while that machine cannot be reached. */
  online: boolean;
  /** Its path in the tree. */
  at: string;
  /** Where the folder lies; only for shares of this machine. */
  path: string | null;
  /** Names of the machines that see it, for shares of this machine; empty when all see it that may see shared files. */
  to: Array<string>;
  /** How many copies of it are wished, and how many there are; absent where others are to keep none. */
  copies?: CopiesView | null;
};

/**
 * How sharply the machine that pulls most is favoured (k): 0 draws evenly, `Sharpness::MOST` always takes the best.
 * Source: `docs/scheduling.md`, "Gravity".
 */
export type Sharpness = number;

/** A program that fails on a machine where others succeed. */
export type SickView = {
  /** The program, or the recipe. */
  program: string;
  /** Tasks that failed there and ended well elsewhere since it began to fail. */
  failed: number;
  /** Tasks that ended there since then. */
  of: number;
  /** Name of the machine where the last of them ended well. */
  succeeded_on: string;
  /** Seconds until it is tried there again. */
  again_secs: number;
  /** The same for people: `sick for blender: 4 of 5 failed there, …`. */
  sentence: string;
};

/** Everything a listener needs to begin. */
export type Snapshot = {
  /** This run of the node; numbers of another run mean nothing in this one. */
  stream: Incarnation;
  /** Machines, this one first. */
  machines: Array<MachineView>;
  /** Links of this machine, and what other machines tell of theirs. */
  links: Array<LinkView>;
  /** Jobs, newest first. */
  jobs: Array<JobView>;
  /** Machines that are being let in, and the last few that were, or were not. */
  pairings: Array<PairingView>;
  /** The pairing code that this machine shows. */
  code: CodeShown;
  /** What owners of machines ask each other, as far as it concerns this machine. */
  asks: Array<LinkAskView>;
};

/**
 * Wall-clock time for people, in milliseconds since 1970 (UTC). Never used to order or expire anything but what
 * people decide (invites, certificates, asks) and what machines that cannot ask each other must agree on (tickets).
 */
export type Stamp = number;

/** How a machine stands toward the work of others. */
export type Standing =
  | "offering"
  | "working"
  | "yours"
  | "draining"
  | "softened"
  | "frozen"
  | "packing"
  | "paused"
  | "trouble";

/** The node itself. */
export type StatusView = {
  /** Version of the program. */
  version: string;
  /** This machine. */
  peer: PeerId;
  /** What people call it. */
  name: string;
  /** Its grid. */
  grid: GridId;
  /** Addresses on which other machines reach it. */
  addresses: Array<string>;
  /** Its data folder. */
  data: string;
  /** Process id of the node. */
  pid: number;
  /** Seconds since it started. */
  uptime_secs: number;
  /** Machines of the grid, this one included. */
  machines: number;
  /** Those that are reachable now, this one included. */
  machines_online: number;
  /** Jobs that have not ended. */
  active_jobs: number;
  /** Tasks that run on this machine now. */
  running: number;
  /** False while this machine takes nothing new. */
  accepts: boolean;
  /** Why, when `accepts` is false; empty otherwise. */
  why_not: string;
  /** True if this machine may sleep or be switched off now: its jobs go on elsewhere, and nobody misses anything that is here. */
  safe_to_close: boolean;
  /** Why not, one sentence each, at most `StatusView::MAX_REASONS`; empty if it is safe. */
  close_why: Array<string>;
};

/** One step of a job. */
export type StepView = {
  /** Its name. */
  name: string;
  /** Its tasks by state. */
  counts: TaskCounts;
  /** Names of the steps it waits for. */
  after: Array<string>;
  /** Hard requirements. */
  needs: Needs;
  /** Wishes. */
  prefers: Array<Preference>;
};

/** How use of a peer raises or lowers its pull. Source: `docs/scheduling.md`, "Strategy". */
export type Strategy = "horizontal" | "vertical" | "direct";

/** What to run: files, or a command. */
export type SubmitRequest = {
  /** Absolute paths on this machine; empty when `command` is given. */
  paths?: Array<string>;
  /** A command; absent when `paths` are given. */
  command?: CommandRequest | null;
  /** What people will call the job; made from the file or command when absent. */
  name?: string | null;
  /** Frames as `1-24`, `1-240:2` or `1,5,9-12`; the file's own when absent. */
  frames?: string | null;
  /** Absolute folder into which results land; the recipe's choice when absent. */
  output?: string | null;
  /** −100 … 100; higher goes first, 0 is usual. */
  priority?: number;
  /** Hard requirements in words: `ram > 8 GB`, `gpu`, `tool:blender >= 4.2`, `tier = fast`. All must hold. */
  needs?: Array<string>;
  /** Wishes in words: a requirement, then `* STRENGTH` from −5 to 5. */
  prefers?: Array<string>;
  /** Values of the job's parameters, by name. */
  parameters?: { [key in string]: string };
  /** Machines (names or id prefixes) that alone may run it; any when empty. */
  on?: Array<string>;
  /**
   * Attempts that may fail by the program's doing before a task has failed, 1 … 100. When absent: what the bundle says,
   * else 1 for a command that runs once and 3 for everything else.
   */
  attempts?: number | null;
  /**
   * Seconds after which a program that gives no sign of life has failed; 0 for never. When absent: what the recipe says,
   * which for commands is never.
   */
  stuck_secs?: number | null;
  /**
   * Whether all tasks of a step run only where their tool is the same version and build. When absent: what the recipe says,
   * which for Blender and POV-Ray is yes.
   */
  same_look?: boolean | null;
  /** Start held. */
  hold?: boolean;
  /** Make everything anew, also what an earlier job made with the same command from the same files. */
  fresh?: boolean;
  /** Let results replace whatever lies in their place; else what is not the grid's own makes them wait. */
  overwrite?: boolean;
  /**
   * Ask the installed program itself too which files it would read, as Blender of a scene: takes seconds. Only inspecting
   * does; what was learnt also counts when the same files are submitted.
   */
  ask_tool?: boolean;
  /** Chosen by the asker, at most 64 bytes: asking twice with the same key starts one job and answers twice. */
  key?: string | null;
};

/** Jobs that were started by one submission. */
export type SubmittedView = {
  /** One for each job, in the order of the paths. */
  jobs: Array<JobView>;
  /** Things worth knowing that stopped nothing: files outside the project, machines that do not fit. */
  warnings: Array<string>;
};

/** Why a behaviour suggests something. */
export type SuggestionReason =
  | "may_be_nearer"
  | "is_nearer"
  | "is_not_nearer"
  | "not_measured"
  | "too_many"
  | "too_few"
  | "chance";

/** What a behaviour would do to links of this machine, and the numbers that decided. */
export type SuggestionView = {
  /** The same as one sentence. */
  sentence: string;
  /** The machine to link with. */
  link_with: PeerId | null;
  /** The machine whose link would go. */
  let_go: PeerId | null;
  /** What decided. */
  why: SuggestionReason;
  /** Round trip to the one that it would link with, or has tried, in microseconds; absent where it decided nothing. */
  new_micros: number | null;
  /** Round trip over the link that goes or is slowest, in microseconds; absent where it decided nothing. */
  old_micros: number | null;
  /** How many links there are; absent where that decided nothing. */
  links: number | null;
};

/** Names a job or one of its tasks. */
export type TargetRequest = {
  /** `JOB`, `JOB.INDEX` or `JOB.STEP.INDEX`; JOB may be a unique prefix. */
  target: string;
};

/** What a kilowatt-hour costs where a machine stands, in the currency that its owner means. */
export type Tariff = number;

/** Numbers of tasks in each state. */
export type TaskCounts = {
  /** A dependency has not ended well yet. */
  waiting: number;
  /** Held back by a person. */
  held: number;
  /** May start. */
  ready: number;
  /** With a machine, not started. */
  leased: number;
  /** Running. */
  running: number;
  /** Stopped in place because the machine's owner came back. */
  frozen: number;
  /** Ended well. */
  done: number;
  /** Ended badly. */
  failed: number;
  /** Not run. */
  skipped: number;
  /** Cancelled by a person. */
  cancelled: number;
  /** Holder vanished, about to be ready again. */
  lost: number;
};

/** A task within its job: the step's position and the position in the step's parameter space, both from 0. */
export type TaskKey = {
  /** Position of the step in the job. */
  step: number;
  /** Position of the task in the step's parameter space. */
  index: number;
};

/** A page of tasks. */
export type TaskPage = {
  /** The job. */
  job: JobId;
  /** Tasks that match, on all pages. */
  total: number;
  /** Those of this page, by step and index. */
  tasks: Array<TaskView>;
};

/** Neighbouring tasks of one step: `start..end`, never empty. */
export type TaskSpan = {
  /** First index. */
  start: number;
  /** One past the last index. */
  end: number;
};

/** Where a task stands. `TaskState::can_become` is the one table of legal transitions. */
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

/** One task. */
export type TaskView = {
  /** Which. */
  key: TaskKey;
  /** What people call it: `frame 12`, `part-03.wav`. */
  label: string;
  /** Where it stands. */
  state: TaskState;
  /** The machine that holds it, or did it last. */
  machine: PeerId | null;
  /** What people call that machine; empty without one. */
  machine_name: string;
  /** Attempts so far. */
  attempts: number;
  /** Exit code of the last attempt that ended by itself. */
  exit_code: number | null;
  /** Why the last attempt failed, for what it waits, or why it stands still; may be empty. */
  reason: string;
  /** Run time of the attempt that counted, or of the running one so far, in seconds. */
  run_secs: number | null;
  /** 0 … 1, if its program says. */
  progress: number | null;
  /** What its program says it does; may be empty. */
  status: string;
  /** True if results of it wait because other files have their names. */
  held: boolean;
  /** True if a checkpoint of it is kept, from which it goes on should it be stopped or its machine vanish. */
  saved: boolean;
  /** When; absent if none is, or if that was before the node of the job's steward started. */
  saved_at: Stamp | null;
  /** What is wrong with files of it that landed, each kind once. */
  flaws: Array<Flaw>;
};

/** Neighbouring tasks of one step that changed in the same way. */
export type TasksChanged = {
  /** The job. */
  job: JobId;
  /** Position of the step. */
  step: number;
  /** Which tasks. */
  span: TaskSpan;
  /** Their state now. */
  state: TaskState;
  /** The machine that holds them or ended them. */
  machine: PeerId | null;
  /** Exit code, when a program ended by itself. */
  exit_code: number | null;
  /** Why they failed or were lost; may be empty. */
  reason: string;
  /** When a checkpoint of them was kept, if that is what is new; what was known before stays as it is otherwise. */
  saved_at: Stamp | null;
};

/** A page of tasks. */
export type TasksRequest = {
  /** `JOB` or `JOB.STEP.INDEX`; JOB may be a unique prefix. */
  target: string;
  /** Only tasks in one of these states; any when empty. */
  states?: Array<TaskState>;
  /** Matching tasks to skip. */
  offset?: number;
  /** Most tasks to send: at most `TasksRequest::MAX_LIMIT`, 0 means that. */
  limit?: number;
};

/**
 * The terms of gravity.
 *
 * `gravity = exp(prefer + strategy) / (wait_secs + fetch_secs + run_secs + path_secs)`.
 */
export type Terms = {
  /** Until a slot is free. */
  wait_secs: number;
  /** Until the missing input files are there. */
  fetch_secs: number;
  /** Running it. */
  run_secs: number;
  /** What the way costs. */
  path_secs: number;
  /** Sum of the preferences that match. */
  prefer: number;
  /** What the strategy adds. */
  strategy: number;
};

/** Which machine ran what, and when. */
export type TimelineRequest = {
  /** Only this job (id or unique prefix); all jobs of this machine when absent. */
  job?: string | null;
  /** Only runs that had not ended by then. */
  from?: Stamp | null;
  /** Only runs that began before. */
  to?: Stamp | null;
  /** Most bars to send: at most `TimelineRequest::MAX_LIMIT`, 0 means that. */
  limit?: number;
};

/** Runs of programs as bars in the lanes of machines. */
export type TimelineView = {
  /** By start, oldest first. */
  bars: Array<Bar>;
  /** True if older bars were left out for the limit. */
  truncated: boolean;
};

/** A program found on a machine. */
export type Tool = {
  /** Its short name: `blender`, `ffmpeg`, `povray`, `python3`. */
  name: string;
  /** As it reports itself, digits and dots: `3.4.1`; empty when it would not say. */
  version: string;
  /** Where it lies on that machine. */
  path: string;
  /**
   * What tells builds of one version apart, as it reports itself: a hash, or the distribution's own version; empty when it
   * does not say.
   */
  build?: string;
};

/** What something in the tree is. */
export type TreeKind = "file" | "folder" | "link" | "hidden";

/** How the owner of a machine tuned gravity. */
export type Tuning = {
  /** How use of this machine counts, whoever chooses. */
  weight: Weight;
  /** How machines are chosen for jobs that start here. */
  strategy: Strategy;
  /** How sharply the one that pulls most is favoured for them: 0 (evenly) … 32 (always the best). */
  sharpness: Sharpness;
};

/** A file that was sent and is kept. */
export type UploadView = {
  /** Where it lies on the node's machine. */
  path: string;
};

/** Which machine to wake. */
export type WakeRequest = {
  /** Its name, or the beginning of its id. */
  machine: string;
};

/** A machine to which the packet was sent that wakes it; it takes a while until it is there. */
export type WakeView = {
  /** The machine. */
  machine: PeerId;
  /** What people call it. */
  name: string;
  /** What people call the machines that sent the packet. */
  sent_by: Array<string>;
};

/** What a machine draws with all its cores at work, in watts, as its owner says. */
export type Watts = number;

/**
 * How use of one machine counts in its pull: 1.0 is usual, more repels sooner, a negative one flips that machine alone.
 * Source: `docs/scheduling.md`, "Strategy".
 */
export type Weight = number;

/** One machine's side of it. */
export type WhyMachine = {
  /** The machine. */
  machine: PeerId;
  /** What people call it. */
  name: string;
  /** Whether all requirements are met. */
  fits: boolean;
  /** Every reason against it, one sentence each; empty when it fits and takes work. */
  reasons: Array<string>;
  /** What pulls and what delays; absent when it does not fit. */
  terms: Terms | null;
  /** What each wish of the job adds to its pull; absent without wishes, and when it does not fit. */
  wishes?: Array<WhyWish>;
  /** Its pull, per second; 0 when it does not fit. */
  gravity: number;
  /** How likely it is to be chosen, 0 … 1. */
  chance: number;
};

/** Why a task runs where it runs, or does not run: the numbers of the placement itself. */
export type WhyView = {
  /** The job. */
  job: JobId;
  /** The task that is explained: the one asked for, else the job's next one. */
  task: TaskKey;
  /** Its label. */
  label: string;
  /** Where it stands. */
  state: TaskState;
  /** One sentence: what holds it up, or why it went where it went. */
  sentence: string;
  /** The machine that has or had it, when one was chosen. */
  placed_on: PeerId | null;
  /** Every machine: those that fit by falling chance, then those that do not. */
  machines: Array<WhyMachine>;
  /** The term that decided: `wait`, `fetch`, `run`, `path`, `prefer` or `strategy`; empty when there was no choice. */
  decisive: string;
  /** The smallest change that would help (when it waits) or have chosen another machine; may be empty. */
  smallest_change: string;
};

/** What one wish of a job adds to the pull of one machine. */
export type WhyWish = {
  /** The wish, such as `gpu * 3` or `watts * -0.01`. */
  words: string;
  /** What it adds, −5 … 5; 0 if the machine is not as wished. */
  pull: number;
  /** How much the machine has of what the wish counts by the unit; absent for other wishes, and if nobody said. */
  counted: number | null;
  /** True if the wish counts nothing because nobody said how much the machine has. */
  unsaid: boolean;
};

/** How fast a program makes room in one way. */
export type YieldView = {
  /** `soften`, `freeze`, `pack` or `end`. */
  step: string;
  /** How often it was measured. */
  count: number;
  /** What it takes at most, in milliseconds. */
  most_ms: number;
};
