// Commands of a page, run in order as they stand there. What follows one as `# → …` has to appear, as in a shell: in its
// output or in that of a program that `&` has left running.
//
// Programs listen on free ports: a port on the page stands for the one that a promised line shows in its place.

import { delimiter, dirname } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { peers } from './peers.ts'
import { Program } from './server.ts'

/** In front of what the command above has to print. */
export const PROMISE = '# → '
const PORT = /(?<=\bhttp:\/\/[\w.]+:|\b127\.0\.0\.1:|-[pm] )\d{4}\b/g

interface Command {
  readonly text: string
  readonly staysRunning: boolean
  readonly promises: string[]
}

/** The commands of a block. */
function commandsIn(block: string): Command[] {
  const commands: Command[] = []
  for (const line of block.split('\n')) {
    if (line.startsWith(PROMISE)) commands.at(-1)?.promises.push(line.slice(PROMISE.length))
    else commands.push({ text: line.replace(/ &$/, ''), staysRunning: line.endsWith(' &'), promises: [] })
  }
  return commands
}

/** What `promise` becomes in the output, its ports captured. */
function patternOf(promise: string): RegExp {
  return new RegExp(
    promise
      .split(PORT)
      .map((part) => part.replace(/[^\w ]/g, '\\$&'))
      .join('(\\d+)'),
  )
}

/** A shell: the programs that it has left running, and their ports by those on the page. */
export class ShellSession {
  private readonly ports = new Map<string, string>()
  private readonly running: Program[] = []

  async run(block: string): Promise<void> {
    for (const command of commandsIn(block)) await this.runCommand(command)
  }

  private async runCommand({ text, staysRunning, promises }: Command): Promise<void> {
    const program = new Program('/bin/sh', ['-c', this.commandLine(text)], this.environment())
    onTestFinished(async () => void (await program.stop('SIGKILL')))
    for (const promise of promises) {
      const pattern = patternOf(promise)
      const [, ...ports] = await Promise.any([program, ...this.running].map((each) => each.until(pattern)))
      promise.match(PORT)?.forEach((port, i) => {
        this.ports.set(port, ports[i])
      })
    }
    if (staysRunning) this.running.push(program)
    else expect(await program.exit(), program.stderr).toEqual({ code: 0, signal: null })
  }

  /** Ends what runs, the latest first, as Ctrl-C does: in order, or by the signal where a program does not handle it. */
  async end(): Promise<void> {
    for (const program of this.running.reverse()) {
      const { code, signal } = await program.stop('SIGINT')
      expect(code ?? signal, program.stderr).toBeOneOf([0, 'SIGINT'])
    }
  }

  withPorts(text: string): string {
    return text.replace(PORT, (port) => this.ports.get(port) ?? '-1')
  }

  /** What is installed is not installed again; the process that is started is the program itself (exec). */
  private commandLine(text: string): string {
    const command = this.withPorts(text.replace(/^npm ci && /, '')).replace(/^npm start --/, 'src/heddle.sh')
    return command.includes('|') ? command : `exec ${command}`
  }

  private environment(): NodeJS.ProcessEnv {
    const { PATH = '' } = process.env
    const path = peers.nats === undefined ? PATH : `${dirname(peers.nats)}${delimiter}${PATH}`
    const natsPort = this.ports.get('4222')
    const server = natsPort === undefined ? {} : { NATS_URL: `nats://127.0.0.1:${natsPort}` }
    return { ...process.env, PATH: path, PORT: '0', ...server }
  }
}
