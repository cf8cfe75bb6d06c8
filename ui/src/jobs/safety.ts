import type { JobView, PeerId } from "~/bridge";
import { isolate, m, plain } from "~/text";
import { isEnded } from "./jobs";

/** Whether a job outlives the machine that keeps its records. */
export interface Safety {
  safe: boolean;
  /** A few words: `Safe to close the lid`. */
  word: string;
  /** The same with its reason, one or two sentences. */
  sentence: string;
}

/** What a person may do to the machine that keeps a job's records; nothing once the job has ended. */
export function safetyOf(job: JobView, here: PeerId | undefined): Safety | null {
  if (isEnded(job)) return null;
  const isHere = job.steward === here;
  const name = isolate(job.steward_name);
  if (job.safe) {
    return isHere
      ? { safe: true, word: m.job_safe_here(), sentence: m.job_safe_here_text() }
      : { safe: true, word: m.job_safe_there({ name }), sentence: m.job_safe_there_text({ name }) };
  }
  const word = isHere ? m.job_unsafe_here() : m.job_unsafe_there({ name });
  const reason = plain(job.unsafe_why);
  const sentence = reason === "" ? word : m.jobs_because({ state: word, reason });
  return { safe: false, word, sentence };
}
