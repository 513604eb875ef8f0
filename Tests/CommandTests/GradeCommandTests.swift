import Foundation
import Testing

/// `evaluate grade` as a user runs it, with the bubblewrap of this machine out of sight.
struct GradeCommandTests {
    /// `$D` is a folder with problems, samples and, alone on the PATH, the interpreter.
    private func grade(_ options: String) throws -> Command.Result {
        try Command.shell(
            """
            D=$(mktemp -d); trap 'rm -rf "$D"' EXIT; mkdir "$D/bin"
            ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$D/bin/python3"
            echo '{"task_id":"T/0","prompt":"def one():\\n","entry_point":"one","test":"def check(f):\\n    assert f() == 1\\n"}' \
                > "$D/p.jsonl"
            echo '{"task_id":"T/0","completion":"    return 1"}' > "$D/s.jsonl"
            echo '{"task_id":"T/0","completion":"    return 2"}' >> "$D/s.jsonl"
            PATH=$D/bin "$F" evaluate grade --problems "$D/p.jsonl" --samples "$D/s.jsonl" --out "$D/r.jsonl" \(options)
            """)
    }

    @Test func gradingRefusesWithoutBubblewrap() throws {
        let result = try grade("")
        #expect(result.code == 1)
        #expect(result.errors.contains("apt-get install bubblewrap") && result.errors.contains("--unsafe-no-sandbox"))
    }

    @Test func withoutASandboxItGradesOnlyWhenTold() throws {
        let result = try grade("--unsafe-no-sandbox -k 1,2 --json")
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("\"pass@1\":0.5,") && result.output.contains("\"pass@2\":1.0,"))
        #expect(result.errors.contains("warning: --unsafe-no-sandbox"))
    }

    @Test(arguments: ["-k 0", "-k 1,", "--timeout 0", "--workers 0", "--memory 1"])
    func settingsWithoutSenseAreBadUsage(options: String) throws {
        #expect(try grade("--unsafe-no-sandbox \(options)").code == 64)
    }

    @Test func aPlotIsDrawnAndWhereItCannotBeNothingRuns() throws {
        let drawn = try grade("--unsafe-no-sandbox -k 1,2 --plot \"$D/p.svg\" && grep -c 'class=.e.' \"$D/p.svg\"")
        #expect(drawn.code == 0 && drawn.output.hasSuffix("1\n"), "\(drawn)")
        let refused = try grade(
            "--unsafe-no-sandbox --plot \"$D/none/p.svg\"; code=$?; ls \"$D/r.jsonl\" && exit 9; exit $code")
        #expect(refused.code == 1 && refused.errors.contains("p.svg: cannot be written"), "\(refused)")
    }

    /// A file of MBPP as one array, with a task whose tests need a library that is not there.
    @Test func whatCannotBeGradedIsNamedAndTheRestIsGraded() throws {
        let result = try Command.shell(
            #"""
            D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
            cat > "$D/p.json" <<'END'
            [{"task_id":11,"prompt":"","code":"def f(): return 1","test_imports":[],"test_list":["assert f() == 1"]},
             {"task_id":12,"prompt":"","code":"def f(): return 1","test_imports":["import no_such_library"],"test_list":[]},
             {"task_id":13,"prompt":"","code":"","test_imports":[],"test_list":[]},
             {"task_id":700,"prompt":"","code":"","test_imports":[],"test_list":[]}]
            END
            cat > "$D/s.jsonl" <<'END'
            {"task_id":"Mbpp/11","solution":"Yes:\n```python\ndef f(): return 1\n```"}
            {"task_id":"Mbpp/12","solution":"def f(): return 1"}
            {"task_id":"Mbpp/99","solution":"def f(): return 1"}
            END
            "$F" evaluate grade --problems "$D/p.json" --samples "$D/s.jsonl" --out "$D/r.jsonl" --unsafe-no-sandbox -k 1 --json
            """#)
        #expect(result.code == 0, "\(result.errors)")
        #expect(result.output.contains("\"pass@1\":1.0,"))
        #expect(result.output.contains("\"ungradable\":[{\"task_id\":\"MBPP/12\",\"reason\":\""))
        #expect(result.errors.contains("1 tasks or completions could not be graded"), "\(result.errors)")
        #expect(result.errors.contains("1 of 3 tasks have no completion"), "\(result.errors)")
        #expect(result.errors.contains("the first of 'Mbpp/99'"), "\(result.errors)")
    }
}
