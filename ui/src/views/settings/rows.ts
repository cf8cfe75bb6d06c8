import { m } from "~/text";

/** The pages, in order. */
export const PAGES = {
  lending: m.settings_lending,
  machine: m.settings_machine,
  machines: m.settings_people,
  notifications: m.settings_notifications,
  appearance: m.settings_appearance,
  network: m.settings_network,
  advanced: m.settings_advanced,
  about: m.settings_about,
} as const;

export type PageId = keyof typeof PAGES;

/** Every setting with its page: what the pages show and what the search finds are the same words. */
export const ROWS = {
  lend: ["lending", m.settings_lend],
  pause: ["lending", m.shell_pause_lending],
  cores: ["lending", m.settings_cores],
  keep_back: ["lending", m.lending_keep_back],
  rules: ["lending", m.settings_rules],
  cost: ["lending", m.settings_cost],
  sleep: ["lending", m.settings_sleep],
  energy: ["lending", m.settings_energy],
  isolation: ["lending", m.settings_isolation],
  close: ["lending", m.settings_close],
  name: ["machine", m.settings_name],
  labels: ["machine", m.settings_labels],
  hardware: ["machine", m.settings_hardware],
  programs: ["machine", m.settings_programs],
  data: ["machine", m.settings_data],
  members: ["machines", m.shell_machines],
  proposals: ["machines", m.members_proposals],
  pair: ["machines", m.pair_title],
  guest: ["machines", m.members_guest],
  recovery: ["machines", m.members_recovery],
  revoked: ["machines", m.members_revoked],
  notify: ["notifications", m.settings_notify],
  theme: ["appearance", m.settings_theme],
  language: ["appearance", m.settings_language],
  letters: ["appearance", m.settings_letter_keys],
  motion: ["appearance", m.settings_motion],
  addresses: ["network", m.settings_addresses],
  nearby: ["network", m.settings_nearby],
  layout: ["network", m.settings_layout],
  behaviours: ["network", m.settings_behaviours],
  always: ["network", m.settings_always],
  links: ["network", m.grid_links],
  strategy: ["advanced", m.settings_strategy],
  sharpness: ["advanced", m.settings_sharpness],
  weight: ["advanced", m.settings_weight],
  limits: ["advanced", m.settings_limits],
  graphics: ["advanced", m.settings_graphics],
  diagnostics: ["advanced", m.settings_diagnostics],
  doctor: ["advanced", m.shell_doctor],
  version: ["about", m.settings_version],
  licences: ["about", m.settings_licences],
} as const satisfies Record<string, [PageId, () => string]>;

export type RowId = keyof typeof ROWS;

/** What a browser has not: the desktop app's own choices. */
export const OF_APP: ReadonlySet<PageId | RowId> = new Set(["notifications", "close", "notify", "graphics"]);
