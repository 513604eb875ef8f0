#if Server
    import Foundation
    import Testing

    /// `foretoken-server` as its users run it.
    @Suite(.serialized) struct ServerCommandTests {
        private static let model = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Models/python-bytes").standardizedFileURL.path

        /// A line of bash in which `$S` is the server, `$M` a model, and `get PATH` and `post PATH BODY` ask the server at `$PORT`.
        private func shell(_ line: String) throws -> Command.Result {
            let functions = """
                S=$(dirname "$F")/foretoken-server; M='\(Self.model)'; set -u
                ask() { exec 3<>/dev/tcp/127.0.0.1/$PORT; printf '%s\\r\\nHost: x\\r\\nConnection: close\\r\\n%s' "$1" "$2" >&3; cat <&3; exec 3>&-; }
                get() { ask "GET $1 HTTP/1.1" $'\\r\\n'; }
                post() { ask "POST $1 HTTP/1.1" $'Content-Length: '"${#2}"$'\\r\\n\\r\\n'"$2"; }
                start() { coproc SERVER { exec "$S" "$@"; }; read -r URL <&"${SERVER[0]}"; PORT=${URL##*:}
                    for i in {1..200}; do get /health | grep -q '"ok"' && return; sleep 0.05; done; }
                """
            return try Command.shell(functions + "\n" + line)
        }

        @Test func itServesPrintsItsAddressAndStops() throws {
            let result = try shell(
                """
                start --model code="$M" --port 0; echo "$URL"
                post /v1/completions '{"prompt": "def add(a, b):\\n", "max_tokens": 20, "temperature": 0}'; echo
                kill -TERM "$SERVER_PID"; wait "$SERVER_PID"; echo "exit $?"
                """)
            #expect(result.output.contains("foretoken-server: http://127.0.0.1:"), "\(result.errors)")
            #expect(result.output.contains("\"model\":\"code\"") && result.output.contains("\"completion_tokens\":20"))
            #expect(result.output.hasSuffix("exit 0\n"), "\(result.output)")
            #expect(result.errors.contains("code: loaded in") && result.errors.contains("POST /v1/completions"))
            #expect(!result.errors.lowercased().contains("error"), "\(result.errors)")
        }

        @Test func wrongUsageIsSaidBeforeItListens() throws {
            for (arguments, code, part) in [
                ("", 64, "--model"), ("--model /nowhere --port 0", 1, "/nowhere"), ("--model \"$M\" --parallel 0", 64, "--parallel"),
                ("--model \"$M\" --heads 99 --port 0", 1, "the model has 8 heads"),
                ("--model \"$M\" --api-key-file /nowhere", 1, "--api-key-file /nowhere"),
                ("--model \"$M\" --tls-certificate /nowhere", 64, "--tls-key"),
                ("--model \"$M\" --tls-certificate /nowhere --tls-key /nowhere", 1, "--tls-certificate /nowhere"),
            ] {
                let result = try shell("\"$S\" \(arguments)")
                #expect(result.code == code && result.output.isEmpty, "\(arguments): \(result.output)")
                #expect(result.errors.contains(part), "\(arguments): \(result.errors)")
            }
        }

        @Test func aPortInUseIsAnError() throws {
            let result = try shell(
                """
                start --model "$M" --port 0; "$S" --model "$M" --port "$PORT"; echo "exit $?"
                kill -TERM "$SERVER_PID"; wait "$SERVER_PID"
                """)
            #expect(result.output.hasSuffix("exit 1\n") && result.errors.contains("cannot listen on 127.0.0.1"))
            #expect(result.errors.contains("in use"), "\(result.errors)")
        }
    }
#endif
