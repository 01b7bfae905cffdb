/** HTTP for files, with what Node has. */

import { request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { Http } from '../../xmpp/content/files.ts';

interface Answer {
  readonly status: number;
  readonly bytes: Uint8Array;
}

interface Asked {
  readonly method: 'GET' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Reading ends when there is more. */
  readonly maxBytes: number;
}

/** Milliseconds without a byte. */
const PATIENCE_MS = 30_000;
/** Bytes of an answer to an upload that are of interest. */
const SHORT = 4096;

/** @param isLocal whether servers are reached without TLS: on this machine only */
export function nodeHttp(isLocal: boolean): Http {
  return {
    isLocal,
    put: async (url, headers, body) => {
      const answer = await ask(url, {
        method: 'PUT',
        headers: Object.fromEntries(headers),
        body,
        maxBytes: SHORT,
      });
      return answer.status;
    },
    get: (url, maxBytes) => ask(url, { method: 'GET', maxBytes }),
  };
}

function ask(url: string, { method, headers = {}, body, maxBytes }: Asked): Promise<Answer> {
  const send = url.startsWith('http:') ? plainRequest : secureRequest;
  const length = body === undefined ? {} : { 'Content-Length': String(body.length) };
  return new Promise((resolve, reject) => {
    const request = send(
      url,
      { method, headers: { ...headers, ...length }, timeout: PATIENCE_MS },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        const done = (): void => {
          const bytes = new Uint8Array(Buffer.concat(chunks)).subarray(0, maxBytes + 1);
          resolve({ status: response.statusCode ?? 0, bytes });
        };
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size <= maxBytes) return;
          done();
          response.destroy();
        });
        response.on('end', done);
        response.on('error', reject);
      },
    );
    request.on('timeout', () => request.destroy());
    request.on('error', reject);
    request.end(body);
  });
}
