// A page of a server's monitoring port.

export async function monitorPage(port: number | undefined, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(5000) })
  return { status: response.status, text: await response.text() }
}
