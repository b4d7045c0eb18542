import { type HttpLibrary, type RequestContext, wrapHttpLibrary } from "@kubernetes/client-node";

/**
 * The bearer token that a cluster knows us by.
 *
 * @param refused the token that the cluster did not take: another is wanted, if there is one
 */
export type BearerToken = (refused?: string) => Promise<string>;

const HEADER = "Authorization";
const SCHEME = "Bearer ";

export function bear(request: RequestContext, token: string): void {
  request.setHeaderParam(HEADER, SCHEME + token);
}

/**
 * Sends a request once more when the cluster does not know its token. One that is kept may be void before its time: the
 * cluster was told of the role only by now, or the role's session has ended.
 */
export const withFreshToken = (library: HttpLibrary, token: BearerToken): HttpLibrary =>
  wrapHttpLibrary({
    send: async (request) => {
      const response = await library.send(request).toPromise();
      if (response.httpStatusCode !== 401) return response;
      const refused = request.getHeaders()[HEADER]?.slice(SCHEME.length);
      const fresh = await token(refused);
      if (fresh === refused) return response;
      // A body that nobody reads keeps its connection.
      await response.body.text();
      bear(request, fresh);
      return library.send(request).toPromise();
    },
  });
