// The list of file streams and their consumers on the disk: an SQLite database in the folder of the streams. What it
// says is safe when a call returns. A stream is in the list before its folder is there, and its folder goes after it
// has left the list: what a crash leaves of a deleted stream is removed at the next start.

import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { KeptConsumer, ListedStream } from '../contract.ts'
import { folderOf } from '../stores.ts'
import type { StreamConfig } from '../stream-config.ts'

const FILE = 'catalogue.sqlite'
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS streams (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    config TEXT NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (account, name)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS consumers (
    stream INTEGER NOT NULL,
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    config TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (stream, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS deleted (id INTEGER PRIMARY KEY) STRICT;
`

interface Row {
  readonly id: number
  readonly account: string
  readonly config: string
  readonly created: number
}

export class Catalogue {
  private readonly folder: string
  private readonly database: DatabaseSync

  /** Throws if the folder cannot be used. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o750 })
    this.folder = folder
    this.database = new DatabaseSync(join(folder, FILE))
    this.database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;')
    this.database.exec(SCHEMA)
  }

  /** All streams. Those that were deleted are gone from the disk then. */
  streams(): ListedStream[] {
    for (const { id } of this.database.prepare('SELECT id FROM deleted').all() as { id: number }[]) {
      rmSync(folderOf(this.folder, id), { recursive: true, force: true })
      this.database.prepare('DELETE FROM deleted WHERE id = ?').run(id)
    }
    const rows = this.database.prepare('SELECT id, account, config, created FROM streams').all() as unknown as Row[]
    return rows.map(({ account, config, created, id }) => {
      return { account, config: JSON.parse(config) as StreamConfig, createdUs: created, id }
    })
  }

  /** Puts a stream into the list, or another configuration in the place of its own. Returns its number. */
  put({ account, config, createdUs }: ListedStream): number {
    const put = this.database.prepare(
      `INSERT INTO streams (account, name, config, created) VALUES (?, ?, ?, ?)
       ON CONFLICT (account, name) DO UPDATE SET config = excluded.config RETURNING id`,
    )
    const { id } = put.get(account, config.name, JSON.stringify(config), createdUs) as { id: number }
    return id
  }

  remove(id: number): void {
    this.database.exec('BEGIN')
    this.database.prepare('DELETE FROM streams WHERE id = ?').run(id)
    this.database.prepare('DELETE FROM consumers WHERE stream = ?').run(id)
    this.database.prepare('INSERT INTO deleted (id) VALUES (?)').run(id)
    this.database.exec('COMMIT')
  }

  /** The folder of a stream that was removed is gone. */
  forget(id: number): void {
    this.database.prepare('DELETE FROM deleted WHERE id = ?').run(id)
  }

  /** The consumers of a stream. */
  consumersOf(stream: number): KeptConsumer[] {
    const rows = this.database
      .prepare('SELECT name, created AS createdUs, config, state FROM consumers WHERE stream = ?')
      .all(stream) as unknown as Omit<KeptConsumer, 'stream'>[]
    return rows.map((row) => ({ ...row, stream }))
  }

  /** Keeps what consumers have come to: all of it, or, after a crash, nothing. Of a stream that is gone, nothing. */
  keep(consumers: readonly KeptConsumer[]): void {
    const put = this.database.prepare(
      `INSERT INTO consumers (stream, name, created, config, state)
       SELECT id, ?2, ?3, ?4, ?5 FROM streams WHERE id = ?1
       ON CONFLICT (stream, name) DO UPDATE SET config = excluded.config, state = excluded.state`,
    )
    this.database.exec('BEGIN')
    for (const { stream, name, createdUs, config, state } of consumers) put.run(stream, name, createdUs, config, state)
    this.database.exec('COMMIT')
  }

  drop(stream: number, name: string): void {
    this.database.prepare('DELETE FROM consumers WHERE stream = ? AND name = ?').run(stream, name)
  }

  close(): void {
    this.database.close()
  }
}
