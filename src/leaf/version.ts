// Versions of servers: `2.10.3`, or more behind it.

const VERSION = /^v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})/

/** Whether a server’s version is older than `least`; one that is no version is. */
export function isOlder(version: string, least: string): boolean {
  const [ours, theirs] = [VERSION.exec(version), VERSION.exec(least)]
  if (ours === null || theirs === null) return true
  for (let part = 1; part <= 3; part++) {
    const difference = Number(ours[part]) - Number(theirs[part])
    if (difference !== 0) return difference < 0
  }
  return false
}
