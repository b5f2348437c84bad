import { type Metadata, MetadataConflict } from '../metadata/index.ts';
import { hasEnded, type Task } from './task.ts';

interface Row {
  record: string;
  due: number;
}

/** The async_tasks table. */
export class TaskRows {
  readonly #metadata: Metadata;

  constructor(metadata: Metadata) {
    this.#metadata = metadata;
  }

  /** @returns false when the function has a task of this id already */
  async insert(task: Task, event: Buffer, due: number): Promise<boolean> {
    try {
      await this.#metadata.write([
        {
          sql: 'insert into async_tasks (function, id, record, event, status, due, created_at) values (?, ?, ?, ?, ?, ?, ?)',
          params: [task.function, task.taskId, JSON.stringify(task), event, task.status, due, task.createdTime],
        },
      ]);
      return true;
    } catch (error) {
      if (error instanceof MetadataConflict && error.reason === 'unique') return false;
      throw error;
    }
  }

  async update(task: Task, due: number): Promise<void> {
    await this.#metadata.write([
      {
        sql: 'update async_tasks set record = ?, status = ?, due = ?, finished_at = ? where function = ? and id = ?',
        params: [JSON.stringify(task), task.status, due, hasEnded(task) ? task.endTime : 0, task.function, task.taskId],
      },
    ]);
  }

  async remove(task: Task): Promise<void> {
    await this.#metadata.write([{ sql: 'delete from async_tasks where function = ? and id = ?', params: [task.function, task.taskId] }]);
  }

  /** Removes what ended before a time, and all but the newest `most` that have ended. */
  async removeOld(before: number, most: number): Promise<void> {
    const edge = this.#metadata.get<{ at: number }>(
      'select finished_at as at from async_tasks where finished_at > 0 order by finished_at desc limit 1 offset ?',
      [most],
    );
    await this.#metadata.write([
      { sql: 'delete from async_tasks where finished_at > 0 and finished_at <= ?', params: [Math.max(before, edge?.at ?? 0)] },
    ]);
  }

  get(name: string, id: string): Task | undefined {
    const row = this.#metadata.get<Row>('select record, due from async_tasks where function = ? and id = ?', [name, id]);
    return row && (JSON.parse(row.record) as Task);
  }

  event(name: string, id: string): Buffer | undefined {
    const row = this.#metadata.get<{ event: Uint8Array }>('select event from async_tasks where function = ? and id = ?', [name, id]);
    return row && Buffer.from(row.event);
  }

  /** What has not ended, soonest first. */
  pending(limit: number): { task: Task; due: number }[] {
    const rows = this.#metadata.all<Row>('select record, due from async_tasks where finished_at = 0 order by due limit ?', [limit]);
    return rows.map((row) => ({ task: JSON.parse(row.record) as Task, due: row.due }));
  }

  of(name: string, limit: number): Task[] {
    const rows = this.#metadata.all<Row>('select record, due from async_tasks where function = ? order by created_at desc, id limit ?', [
      name,
      limit,
    ]);
    return rows.map((row) => JSON.parse(row.record) as Task);
  }
}
