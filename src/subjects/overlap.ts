// What two filters have in common. Not for the hot path: asked when a subscription, an import or a permission comes.

/** The filter that matches just what both match; undefined if nothing is. `a.*` and `*.b` have `a.b` in common. */
export function intersection(a: string, b: string): string | undefined {
  const tokensA = a.split('.')
  const tokensB = b.split('.')
  const common: string[] = []
  for (let i = 0; ; i++) {
    const [tokenA, tokenB] = [tokensA[i], tokensB[i]]
    if (tokenA === undefined && tokenB === undefined) return common.join('.')
    if (tokenA === undefined || tokenB === undefined) return undefined
    // `>` stands for one token or more: the rest is the other one's.
    if (tokenA === '>') return [...common, ...tokensB.slice(i)].join('.')
    if (tokenB === '>') return [...common, ...tokensA.slice(i)].join('.')
    if (tokenA !== tokenB && tokenA !== '*' && tokenB !== '*') return undefined
    common.push(tokenA === '*' ? tokenB : tokenA)
  }
}
