// What the server answers in JSON, as docs/reference/status.md and openapi.json describe it.

/** One elementary stream. */
export interface Track {
  number: number;
  type: "video" | "audio" | "subtitle";
  /** FFmpeg's name. */
  codec: string;
  /** The name in MIME types, RFC 6381. */
  codec_string: string | null;
  language: string | null;
  title: string | null;
  default: boolean;
  width: number | null;
  height: number | null;
  frame_rate: number | null;
  sample_rate: number | null;
  channels: number | null;
  /** The endings with which the track can be requested. */
  formats: string[];
  /** Whether nothing of the track comes at the moment. */
  quiet: boolean;
}

export type State =
  | "opening"
  | "waiting for a sender"
  | "waiting for a client"
  | "waiting for a keyframe"
  | "live"
  | "ended"
  | "retrying";

/** A song, or a part of a programme. */
export interface Song {
  title: string;
  artist: string | null;
  /** The URL of its cover. */
  artwork: string | null;
  /** ISO 8601. */
  since: string;
}

/** What viewers and operators are told alike. */
interface Figures {
  state: State;
  /** A sentence for viewers. */
  reason: string;
  /** ISO 8601. */
  since: string;
  tracks: Track[];
  /** MIME types by ending. */
  formats: Record<string, string>;
  /** The newest fragment; times in seconds. */
  live_edge: { media: number; arrived: string; age: number } | null;
  title: string | null;
  description: string | null;
  /** What is playing, if it is known. */
  now: Song | null;
  /** Bits per second. */
  bitrate: number;
  segment_seconds: number;
  ring: { seconds: number; bytes: number; segments: number };
  bytes_in: number;
  discontinuities: number;
  restarts: number;
  hls_viewers: number;
}

/** `/NAME/status`. */
export interface StreamStatus extends Figures {
  /** How many there are. */
  clients: number;
}

/** A client of a stream, as operators see it. */
export interface Client {
  id: number;
  peer: string;
  user_agent: string;
  format: string;
  since: string;
  bytes: number;
  /** Seconds. */
  lag: number;
  skipped_segments: number;
  state: "live" | "behind";
}

/** A stream in the answers of the management interface. */
export interface ManagedStream extends Figures {
  /** The cause of the state; empty if the reason says all of it. */
  detail: string;
  input: string;
  /** The pattern that it was made of. */
  pattern: string | null;
  bytes_out: number;
  recording: string | null;
  clients: Client[];
}

/** `GET /api/v1/streams`. */
export interface ManagedStreams {
  streams: Record<string, ManagedStream>;
  /** The input, and the names of the streams, by pattern. */
  patterns: Record<string, { input: string; streams: string[] }>;
}

/** The data of an event of `GET /api/v1/events`. */
export interface EventData {
  stream?: string;
  when?: string;
  [detail: string]: string | number | boolean | null | undefined;
}
