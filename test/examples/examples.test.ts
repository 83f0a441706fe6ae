// Every example does what its README says. The commands of each README are run in order, as they stand there; what
// follows one as `# → …` has to appear in its output. `&` leaves a program running until the end.
//
// Programs listen on free ports: a port in the README stands for the one that a promised line shows in its place.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { codeBlocks } from '../support/code-blocks.ts'
import { Program, ROOT } from '../support/server.ts'

const PROMISE = '# → '
const PORT = /(?<=\bhttp:\/\/[\w.]+:|\b127\.0\.0\.1:|-[pm] )\d{4}\b/g
const examples = readdirSync(join(ROOT, 'examples'))

interface Command {
  readonly text: string
  readonly staysRunning: boolean
  readonly promises: string[]
}

/** The commands in a README's blocks. */
function commandsIn(path: string): Command[] {
  const commands: Command[] = []
  for (const { language, text } of codeBlocks(path)) {
    if (language !== 'sh') continue
    for (const line of text.split('\n')) {
      if (line.startsWith(PROMISE)) commands.at(-1)?.promises.push(line.slice(PROMISE.length))
      else commands.push({ text: line.replace(/ &$/, ''), staysRunning: line.endsWith(' &'), promises: [] })
    }
  }
  return commands
}

/** A run of one README: the programs that stay, and the ports that they listen on by those in the README. */
class Session {
  private readonly ports = new Map<string, string>()
  private readonly running: Program[] = []

  async run({ text, staysRunning, promises }: Command): Promise<void> {
    const program = new Program('/bin/sh', ['-c', this.commandLine(text)], this.environment())
    onTestFinished(async () => void (await program.stop('SIGKILL')))
    for (const promise of promises) {
      const [, ...ports] = await program.until(this.patternOf(promise))
      promise.match(PORT)?.forEach((port, i) => {
        this.ports.set(port, ports[i])
      })
    }
    if (staysRunning) this.running.push(program)
    else expect(await program.exit(), program.stderr).toEqual({ code: 0, signal: null })
  }

  async end(): Promise<void> {
    for (const program of this.running.reverse()) expect(await program.stop()).toEqual({ code: 0, signal: null })
  }

  /** What is installed is not installed again; the process that is started is the program itself (exec). */
  private commandLine(text: string): string {
    const known = text.replace(/^npm ci && /, '').replace(PORT, (port) => this.ports.get(port) ?? '-1')
    const command = known.replace(/^npm start --/, 'src/heddle.sh')
    return command.includes('|') ? command : `exec ${command}`
  }

  private environment(): NodeJS.ProcessEnv {
    const natsPort = this.ports.get('4222')
    const server = natsPort === undefined ? {} : { NATS_URL: `nats://127.0.0.1:${natsPort}` }
    return { ...process.env, PORT: '0', ...server }
  }

  private patternOf(promise: string): RegExp {
    const parts = promise.split(PORT).map((part) => part.replace(/[^\w ]/g, '\\$&'))
    return new RegExp(parts.join('(\\d+)'))
  }
}

describe.each(examples)('examples/%s', (name) => {
  test('does what its README says', async () => {
    const commands = commandsIn(`examples/${name}/README.md`)
    expect(commands.flatMap(({ promises }) => promises).length).toBeGreaterThan(0)
    const session = new Session()
    for (const command of commands) await session.run(command)
    await session.end()
  })
})
