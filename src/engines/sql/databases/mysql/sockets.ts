import { connect, type Socket } from 'node:net'

/** What the driver knows of where it connects to. */
interface Destination {
  readonly config: {
    readonly socketPath?: string | undefined
    readonly host?: string | undefined
    readonly port?: number | string | undefined
  }
}

/** The sockets of a pool that is ours alone, made as the driver makes them: it breaks none that is silent. */
export class Sockets {
  readonly #open = new Set<Socket>()

  /** The driver's option `stream`. */
  readonly connect = ({ config: { socketPath, host, port } }: Destination): Socket => {
    const socket = socketPath ? connect(socketPath) : connect(Number(port), host)
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    return socket.setNoDelay(true).setKeepAlive(true)
  }

  destroy(): void {
    for (const socket of this.#open) socket.destroy()
  }
}
