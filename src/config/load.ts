// From the command's flags to options: reads the configuration file that they name and lays the flags over it. A
// reload calls this again, with the flags of the start.

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

/** Reads the file, if there is one, and makes options of it and the flags. */
export async function load(command: RunCommand, surroundings: Surroundings): Promise<Loaded | Refused> {
  const file = await readFileLayer(command.configFile, surroundings)
  if ('refused' in file) return file
  if (file.errors > 0) return { refused: file.text }
  const tls = new Layer()
  const wrong = command.tls === undefined ? undefined : await applyTls(command.tls, tls, surroundings)
  if (wrong !== undefined) return { refused: wrong }
  if (command.routes && !file.layer.missing.has('clusters')) {
    return { refused: 'solicited routes require cluster capabilities, e.g. --cluster' }
  }
  const result = normalise([file.layer, command.layer, tls], { path: command.configFile, digest: file.digest })
  return typeof result === 'string' ? { refused: result } : { ...result, warnings: file.text }
}

/**
 * What `-t` says: only the file itself is checked, and one with nothing but warnings counts as failed, although a
 * server would start with it (reference 1).
 */
export async function check(
  { configFile }: RunCommand,
  surroundings: Surroundings,
): Promise<{ readonly valid: string } | Refused> {
  const file = await readFileLayer(configFile, surroundings)
  if ('refused' in file) return file
  if (file.text !== '') return { refused: file.text }
  return { valid: `configuration file ${configFile} is valid (${file.digest})` }
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
  const { ConfigSyntaxError } = await import('./parser.ts')
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
  const { tlsFromFlags } = await import('./tls.ts')
  const { Problems } = await import('./problems.ts')
  const problems = new Problems()
  layer.set('tls', tlsFromFlags(tls, { problems, readFile }), 'flag -tls')
  return problems.errors[0]
}
