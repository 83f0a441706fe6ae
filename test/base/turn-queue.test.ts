import { describe, expect, test } from 'vitest'
import { TurnQueue } from '../../src/base/turn-queue.ts'

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

describe('TurnQueue', () => {
  test('begins so much a turn, in the order in which it came, and what comes meanwhile after that', async () => {
    const queue = new TurnQueue(3)
    const begun: number[] = []
    for (let i = 0; i < 8; i++) {
      queue.add(() => {
        begun.push(i)
        if (i < 2) queue.add(() => begun.push(100 + i))
      })
    }
    const turns: number[][] = []
    while (turns.flat().length < 10) {
      await nextTurn()
      turns.push(begun.splice(0))
    }
    expect(turns.filter((turn) => turn.length > 0)).toEqual([[0, 1, 2], [3, 4, 5], [6, 7, 100], [101]])
  })

  test('goes on after it was empty', async () => {
    const queue = new TurnQueue(2)
    for (let i = 0; i < 3; i++) await queue.turn()
    const order: string[] = []
    await Promise.all(['a', 'b', 'c'].map((name) => queue.turn().then(() => order.push(name))))
    expect(order).toEqual(['a', 'b', 'c'])
  })
})
