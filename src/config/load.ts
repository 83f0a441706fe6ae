// Makes options from the command's flags: reads the configuration file that they name and applies the flags on top. A
// reload calls this again with the flags of the start.

import type { Options } from '../options/options.ts'
import { listens } from './blocks/later-checks.ts'
import { checkStart } from './checks.ts'
import type { RunCommand, TlsFlags } from './flags.ts'
import { Layer } from './layer.ts'
import { type Normalised, normalise } from './normalise.ts'
import type { Surroundings } from './surroundings.ts'

export interface Loaded extends Normalised {
  /** What the file says that is questionable, a line each; empty if nothing. */
  readonly warnings: string
}

export interface Refused {
  /** For stderr, behind the program's name. */
  readonly refused: string
}

/** Reads the file, if there is one, and makes options of it and the flags, with which a server can start. */
export async function load(command: RunCommand, surroundings: Surroundings): Promise<Loaded | Refused> {
  const file = await readFileLayer(command.configFile, surroundings)
  const loaded = 'refused' in file ? file : await optionsOf(command, file, surroundings)
  if ('refused' in loaded) return loaded
  const wrong = checkStart(loaded.options)
  return wrong === undefined ? loaded : { refused: wrong }
}

async function optionsOf(command: RunCommand, file: FileLayer, surroundings: Surroundings): Promise<Loaded | Refused> {
  if (file.errors > 0) return { refused: file.text }
  const tls = new Layer()
  const wrong = command.tls === undefined ? undefined : await applyTls(command.tls, tls, surroundings)
  if (wrong !== undefined) return { refused: wrong }
  if (command.routes && !listens(file.layer.later.cluster)) {
    return { refused: 'solicited routes require cluster capabilities, e.g. --cluster' }
  }
  const origin = { path: command.configFile, digest: file.digest }
  const result = normalise([file.layer, command.layer, tls], origin, command.ignoreUnsupported)
  return typeof result === 'string' ? { refused: result } : { ...result, warnings: file.text }
}

/** What `-t` says of a good configuration, and of what in it has no effect. */
export interface Checked {
  readonly valid: readonly string[]
  readonly notices: readonly string[]
}

/** Why `-t` calls a configuration bad; `restart`: it is good, but a running server could not take it over. */
export interface Failed extends Refused {
  readonly restart?: true
}

/**
 * What `-t` says: the file and the flags are checked as at a start, and a file with nothing but warnings counts as
 * failed, although a server would start with it (docs/reference/command-line.md, "Checking a configuration"). With
 * `--test_reload FILE`, whether a server that runs by the configuration could take over that of FILE by a reload.
 */
export async function check(command: RunCommand, surroundings: Surroundings): Promise<Checked | Failed> {
  const { configFile, testReload } = command
  const file = await readFileLayer(configFile, surroundings)
  if ('refused' in file) return file
  if (file.text !== '') return { refused: file.text }
  const loaded = await optionsOf(command, file, surroundings)
  if ('refused' in loaded) return loaded
  const { options, notices } = loaded
  const operator = options.operators.length === 0 ? undefined : await whyNotOperator(options)
  if (operator !== undefined) return { refused: operator }
  const valid = [`configuration file ${configFile} is valid (${file.digest})`]
  if (testReload === '') return { valid, notices }
  const next = await readFileLayer(testReload, surroundings)
  const reloaded =
    'refused' in next ? next : await optionsOf({ ...command, configFile: testReload }, next, surroundings)
  if ('refused' in reloaded) return reloaded
  const { diffOptions } = await import('./changes.ts')
  const { refusal } = diffOptions(options, reloaded.options)
  if (refusal !== undefined) return { refused: refusal, restart: true }
  return { valid: [...valid, `configuration file ${testReload} can be reloaded`], notices: reloaded.notices }
}

async function whyNotOperator(options: Options): Promise<string | undefined> {
  const { operatorOf } = await import('../auth/setup.ts')
  const operator = operatorOf(options)
  return operator !== undefined && 'invalid' in operator ? operator.invalid : undefined
}

interface FileLayer {
  readonly layer: Layer
  readonly digest: string
  readonly errors: number
  /** Warnings and errors, a line each. */
  readonly text: string
}

async function readFileLayer(path: string, surroundings: Surroundings): Promise<FileLayer | Refused> {
  if (path === '') return { layer: new Layer(), digest: '', errors: 0, text: '' }
  const { readConfigFile } = await import('./file.ts')
  const { ConfigSyntaxError } = await import('./language/parser.ts')
  try {
    const { layer, digest, problems } = readConfigFile(path, surroundings)
    return { layer, digest, errors: problems.errors.length, text: problems.text }
  } catch (error) {
    if (error instanceof ConfigSyntaxError) return { refused: error.message }
    throw error
  }
}

/** Flags about TLS make a block of their own; --tls=false takes away that of the file. */
async function applyTls(tls: TlsFlags, layer: Layer, { readFile }: Surroundings): Promise<string | undefined> {
  if (tls.on === false) {
    layer.set('tls', undefined, 'flag -tls')
    return undefined
  }
  if (tls.certFile === '') return 'TLS Server certificate must be present and valid'
  if (tls.keyFile === '') return 'TLS Server private key must be present and valid'
  const { tlsFromFlags } = await import('./blocks/tls.ts')
  const { Problems } = await import('./problems.ts')
  const problems = new Problems()
  layer.set('tls', tlsFromFlags(tls, { problems, readFile }), 'flag -tls')
  return problems.errors[0]
}
