/**
 * Whether a `Host` header names this machine. A page on another site may point a name of its own at 127.0.0.1 (DNS
 * rebinding); what it sends bears that name.
 */
export const isLoopbackHost = (host: string | undefined): boolean =>
  /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i.test(host ?? "");
