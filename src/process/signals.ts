// Signals to the running server (docs/reference/reload-and-signals.md, "Signals").

import { attempt } from '../base/guarded.ts'
import type { Log } from '../log/log.ts'

/** As Go prints them. */
const NAMES = {
  SIGINT: 'interrupt',
  SIGTERM: 'terminated',
  SIGHUP: 'hangup',
  SIGUSR1: 'user defined signal 1',
  SIGUSR2: 'user defined signal 2',
} as const
type Name = keyof typeof NAMES

/** The server that obeys. */
export interface Obedient {
  readonly log: Pick<Log, 'info' | 'bug' | 'reopen'>
  readonly isRunning: boolean
  readonly isLameDuck: boolean
  close(): Promise<void>
  lameDuck(): Promise<void>
}

/** Catches signals from now on; signals before serve() wait for it. */
export class Signals {
  /** One of them has asked for the end. */
  ending = false
  private readonly waiting: Name[] = []
  private handle: (name: Name) => void = (name) => this.waiting.push(name)

  constructor() {
    for (const name of Object.keys(NAMES) as Name[]) process.on(name, () => this.handle(name))
  }

  /** `reload` reads the configuration again; the program ends by `exit` when the server has. */
  serve(primary: Obedient, reload: () => Promise<void>, exit: () => void): void {
    const failed = (error: unknown): void => {
      primary.log.bug(error)
      exit()
    }
    const end = (): void => {
      this.ending = true
      attempt(failed, async () => {
        await primary.close()
        exit()
      })
    }
    this.handle = (name) => {
      primary.log.info(`Trapped ${JSON.stringify(NAMES[name])} signal`)
      switch (name) {
        case 'SIGINT':
          end()
          return
        case 'SIGTERM':
          // An orderly end is under way: process managers may ask for another one meanwhile.
          if (!primary.isLameDuck) end()
          return
        case 'SIGUSR1':
          primary.log.reopen()
          return
        case 'SIGUSR2':
          if (primary.isRunning) {
            attempt(failed, async () => {
              await primary.lameDuck()
              exit()
            })
          }
          return
        case 'SIGHUP':
          attempt(primary.log.bug, reload)
          return
      }
    }
    for (const name of this.waiting.splice(0)) this.handle(name)
  }
}
