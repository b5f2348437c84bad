/**
 * Asynchronous invocations: a durable, bounded queue that hands events to functions later, tries again with pauses, and keeps the outcome
 * where a function asks for that. It starts no instance and decides nothing about permissions; both are handed in as functions.
 * The Function Compute dialect submits to it and shows its tasks; main opens it.
 */
export { asyncSettings } from './settings.ts';
export type { SubmittedEvent, Task, TaskFilter, TaskStatus, TaskSummary } from './task.ts';
export { openTasks, type Tasks, type TasksOptions } from './tasks.ts';
