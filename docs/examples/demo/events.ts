/** What travels in the demo. Times are the machine's clock, which all its processes share, in epoch milliseconds. */
export interface DemoEvents {
  orders: Order
  shipments: Shipment
}

export interface Order {
  readonly number: number
  readonly kind: 'usual' | 'urgent' | 'delayed' | 'unshippable' | 'paced'
  readonly publishedAtMs: number
}

/** What a worker says about an order that it has handled. */
export interface Shipment {
  readonly number: number
  readonly kind: Order['kind']
  readonly worker: string
  readonly attempts: number
  /** From the call of `publish` to the call of the handler, in milliseconds. */
  readonly waitedMs: number
}

/** How often the orders of one kind are published. */
export const BACKLOG = 600
export const PACED = 60
export const DELAY_MS = 1_500
export const MAX_ATTEMPTS = 3
