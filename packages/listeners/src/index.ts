export { InheritedSocketError, ListenError } from "./errors.ts";
export { type InheritedSocket, inheritanceOf, inheritedSockets } from "./inherited.ts";
export { type Acceptor, Listener } from "./listener.ts";
export { Listeners, ListenersParam, type ListeningSocket, type ListenOptions } from "./listeners.ts";
