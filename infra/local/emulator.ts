/** A service of AWS, served by this process on the loopback interface. */
export interface Emulator {
  /** Always an IP address (`http://127.0.0.1:PORT`): the SDK then keeps to path style and needs no name lookup. */
  readonly endpoint: string;
  /** Ends open connections and flushes what is not yet on disk. */
  close(): Promise<void>;
}

/** Called once for every request that reached the service, with the operation's AWS name (`SendMessageBatch`). */
export type OnCall = (operation: string) => void;
