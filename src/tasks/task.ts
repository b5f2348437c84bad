/** Statuses of an asynchronous task (Function Compute 3.0, schema "AsyncTask"). */
export type TaskStatus = 'Enqueued' | 'Retrying' | 'Running' | 'Stopping' | 'Succeeded' | 'Failed' | 'Stopped' | 'Expired';

/** An event that is to be handed to a function later. */
export interface SubmittedEvent {
  function: string;
  /** '' for LATEST. */
  qualifier: string;
  requestId: string;
  /** Chosen by the caller; the request id when left out. */
  taskId?: string | undefined;
  event: Buffer;
  /** Object FC access points whose functions led here, for the guard against recursion. */
  chain?: readonly string[] | undefined;
  /** Destinations that led here. */
  depth?: number;
}

/** A task as it is stored, without its event. Times are epoch milliseconds. */
export interface Task {
  function: string;
  functionArn: string;
  qualifier: string;
  taskId: string;
  requestId: string;
  status: TaskStatus;
  createdTime: number;
  startedTime: number;
  endTime: number;
  durationMs: number;
  /** Attempts beyond the first. */
  retried: number;
  instanceId: string;
  error: string;
  /** What the function returned: at most 64 KB of it, as text. */
  returned: string;
  events: { status: TaskStatus; time: number; detail: string }[];
  chain?: readonly string[] | undefined;
  depth: number;
  /** The record outlives the end of the task. */
  kept: boolean;
}

export interface TaskFilter {
  status?: string | undefined;
  qualifier?: string | undefined;
  prefix?: string | undefined;
  startedAfter?: number | undefined;
  startedBefore?: number | undefined;
  /** 'asc' or 'desc', by time of creation; descending when left out. */
  order?: string | undefined;
  limit?: number | undefined;
  nextToken?: string | undefined;
}

export type TaskSummary = Task & { event?: Buffer };

const mostEvents = 20;

/** The task in another status, with a line in its history. */
export function moved(task: Task, status: TaskStatus, time: number, detail: string): Task {
  return { ...task, status, events: [...task.events, { status, time, detail }].slice(-mostEvents) };
}

/** Whether nothing more is going to happen. */
export function hasEnded({ status }: Task): boolean {
  return status === 'Succeeded' || status === 'Failed' || status === 'Stopped' || status === 'Expired';
}
