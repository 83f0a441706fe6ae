// What Heddle needs of the Node that it runs on. The `heddle` command has a Node of its own (src/runtime); a program
// that embeds Heddle runs on its own. No file loaded at a start imports by name what an older Node lacks: that would
// end in a SyntaxError before any message.

/** System certificates and the compile cache. */
export const NODE_LEAST = '22.15.0'
/** Node can move accepted sockets to worker threads from here on. */
export const NODE_WITH_TRANSFER = '24.21.0'
/** The release line of the command's own Node: flags of its V8 are known. */
export const NODE_PINNED = '26.0.0'

/** Compares the first two numbers of two versions. */
export function isOlder(version: string, than: string): boolean {
  const [major, minor] = version.split('.').map(Number)
  const [needMajor, needMinor] = than.split('.').map(Number)
  return major < needMajor || (major === needMajor && minor < needMinor)
}

/** Why Heddle does not run on this Node; undefined if it does. */
export function nodeObstacle(version: string = process.versions.node): string | undefined {
  if (!isOlder(version, NODE_LEAST)) return undefined
  return `Heddle needs Node ${NODE_WITH_TRANSFER} or newer, or ${NODE_LEAST} with "workers: 0"; this is ${version}`
}

/** Why connections cannot be handed to worker threads on this Node; undefined if they can. */
export function transferObstacle(version: string = process.versions.node): string | undefined {
  if (!isOlder(version, NODE_WITH_TRANSFER)) return undefined
  return `worker threads need Node ${NODE_WITH_TRANSFER} or newer; this is ${version}: update Node or set "workers: 0"`
}
