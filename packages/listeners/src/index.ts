export { closeHttpServer } from "./close-http-server.ts";
export { InheritedSocketError, ListenError } from "./errors.ts";
export { type InheritedSocket, inheritanceOf, inheritedSockets } from "./inherited.ts";
export { type Acceptor, Listener, type ListeningServer } from "./listener.ts";
export {
  AddressKeys,
  type ConnectionRoute,
  Listeners,
  ListenersParam,
  type ListeningSocket,
  type ListenOptions,
} from "./listeners.ts";
