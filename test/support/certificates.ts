import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Account, runCommand } from './servers/own-server.js'

/** A certificate and its key, as files in PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Certificates of a test's own, made by openssl's command line; gone when disposed. */
export class Certificates implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'rowcast-certificates-'))

  constructor() {
    // Servers run as other accounts, which must get in.
    chmodSync(this.folder, 0o755)
  }

  /** One that signs others. */
  authority(name: string): Certificate {
    const files = this.#files(name)
    this.#openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      files.key,
      '-out',
      files.cert,
    )
    return files
  }

  /**
   * One that an authority signed.
   * @param hosts what it is for, as `DNS:localhost,IP:127.0.0.1`
   * @param days 0: it expires with the second that it was made in
   * @param passphrase what opens its key
   */
  signed(by: Certificate, name: string, { hosts = 'DNS:localhost', days = 2, passphrase = '' } = {}): Certificate {
    const files = this.#files(name)
    const request = join(this.folder, `${name}.csr`)
    const extensions = join(this.folder, `${name}.ext`)
    writeFileSync(extensions, `subjectAltName=${hosts}\n`)
    const cipher = passphrase === '' ? ['-nodes'] : ['-passout', `pass:${passphrase}`]
    this.#openssl(
      'req',
      '-new',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      ...cipher,
      '-subj',
      `/CN=${name}`,
      '-keyout',
      files.key,
      '-out',
      request,
    )
    this.#openssl(
      'x509',
      '-req',
      '-in',
      request,
      '-CA',
      by.cert,
      '-CAkey',
      by.key,
      '-CAcreateserial',
      '-days',
      String(days),
      '-extfile',
      extensions,
      '-out',
      files.cert,
    )
    return files
  }

  /** Hands a key to a server, which wants it for itself alone. */
  giveTo(account: Account | undefined, { key }: Certificate): void {
    chmodSync(key, 0o600)
    if (account !== undefined) chownSync(key, account.uid, account.gid)
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  #files(name: string): Certificate {
    return { cert: join(this.folder, `${name}.crt`), key: join(this.folder, `${name}.key`) }
  }

  #openssl(...given: readonly string[]): void {
    runCommand('openssl', given)
  }
}
