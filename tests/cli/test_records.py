"""What of a file becomes an entry: exact lines, exact slices, or a refusal."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merklelog.client import records as records_module
from merklelog.client.errors import BadRecord
from merklelog.client.jsonslices import compact, record_slices
from merklelog.client.records import RecordFile


def read(data: bytes) -> list[bytes]:
    """Return the records of a file with *data*."""
    return list(RecordFile(io.BytesIO(data), "events.json"))


class TestLines:
    """NDJSON and other files of lines."""

    def test_lines_go_as_they_are(self) -> None:
        """White space, member order and number spelling of a line are kept."""
        data = b'{"b": 1.10, "a":  1}\n {"a":1,"a":2} \n'

        assert read(data) == [b'{"b": 1.10, "a":  1}', b' {"a":1,"a":2} ']

    def test_a_carriage_return_stays(self) -> None:
        """Lines are split at LF only."""
        assert read(b'{"a":1}\r\n{"b":2}\r\n') == [b'{"a":1}\r', b'{"b":2}\r']

    def test_unicode_line_separators_stay(self) -> None:
        """U+2028 and U+0085 do not end a line."""
        data = "x\u2028y\u0085z\nnext\n".encode()

        assert ["x\u2028y\u0085z".encode(), b"next"] == read(data)

    def test_the_last_line_needs_no_newline(self) -> None:
        """One final LF is a terminator, and may be missing."""
        assert read(b"1\n2") == [b"1", b"2"]

    def test_a_single_object_is_a_line(self) -> None:
        """One JSON object alone in a file is one record."""
        assert read(b'{"a": 1}\n') == [b'{"a": 1}']

    def test_arrays_one_a_line_are_lines(self) -> None:
        """A whole array on the first line, with more after it, is a record."""
        assert read(b"[1, 2]\n[3]\n") == [b"[1, 2]", b"[3]"]

    def test_a_number_of_any_length_is_part_of_a_line(self) -> None:
        """It is not converted, which Python refuses beyond 4,300 digits."""
        line = b'{"a":' + b"9" * 5000 + b"}"

        assert read(line + b'\n{"a":1}\n') == [line, b'{"a":1}']

    def test_an_object_with_records_among_others_is_a_line(self) -> None:
        """NDJSON of CloudTrail files goes line by line."""
        data = b'{"Records":[1]}\n{"Records":[2]}\n'

        assert read(data) == [b'{"Records":[1]}', b'{"Records":[2]}']

    def test_lines_that_are_no_json(self) -> None:
        """A plain log file is a file of lines."""
        assert read(b"a b\nc \xff\n") == [b"a b", b"c \xff"]

    def test_an_empty_file_has_no_records(self) -> None:
        """Nothing in, nothing out."""
        assert read(b"") == []

    def test_a_line_of_the_limit(self) -> None:
        """65,535 bytes are an entry, with and without the newline."""
        line = b"x" * 65_535

        assert [line, line] == read(line + b"\n" + line)

    def test_a_line_over_the_limit_is_named(self) -> None:
        """The error names the file, the record and the limit."""
        with pytest.raises(BadRecord, match=r"events\.json: record 2 .*65,535"):
            read(b"ok\n" + b"x" * 65_536 + b"\n")

    def test_blank_lines_are_no_records(self) -> None:
        """Lines of white space separate records; they are none."""
        assert read(b"\n1\n\n \r\n2\n\n") == [b"1", b"2"]

    def test_blank_lines_before_a_document(self) -> None:
        """A document may begin on a later line."""
        assert read(b"\n\n[1,\n2]\n") == [b"1", b"2"]

    def test_growth_after_opening_is_left_out(self) -> None:
        """What is appended to a file after it was opened is not read."""
        file = io.BytesIO(b"1\n2\n")
        source = RecordFile(file, "growing.log")
        file.seek(0, 2)
        file.write(b"3\n")

        assert list(source) == [b"1", b"2"]

    def test_reading_twice_gives_the_same(self) -> None:
        """Each iteration begins at the beginning."""
        source = RecordFile(io.BytesIO(b"1\n2\n"), "twice")

        assert list(source) == list(source)


class TestDocuments:
    """JSON arrays and objects with "Records"."""

    def test_elements_are_exact_slices(self) -> None:
        """Spaces, escapes, duplicate members and numbers are the source's own."""
        data = rb'[ {"a" : 1.10,"a":"\u00e9"} ,1e400, "x" ]'

        assert read(data) == [rb'{"a" : 1.10,"a":"\u00e9"}', b"1e400", b'"x"']

    def test_records_of_cloudtrail(self) -> None:
        """Of an object with "Records" the elements are the records."""
        data = b'{"v":1,"Records":[{"a":1}, {"b":2}],"after":[1,{}]}'

        assert read(data) == [b'{"a":1}', b'{"b":2}']

    def test_a_slice_over_lines_becomes_compact(self) -> None:
        """Only white space between tokens goes; order and spelling stay."""
        data = b'[\n {"b": 1.0,\n  "a": [1, 2],\r\n "s": " x\\n y "}\n]\n'

        assert read(data) == [b'{"b":1.0,"a":[1,2],"s":" x\\n y "}']

    def test_an_array_may_be_pretty_printed(self) -> None:
        """The usual output of json.dumps(indent=2)."""
        values = [{"n": i, "list": [1, {"x": None}]} for i in range(3)]
        data = json.dumps(values, indent=2).encode()

        assert values == [json.loads(record) for record in read(data)]

    def test_an_empty_array_has_no_records(self) -> None:
        """Neither does an object with empty Records."""
        assert [] == read(b"[ ]\n") == read(b'{"Records":[]}')

    def test_a_long_single_line_is_a_document(self) -> None:
        """CloudTrail files are one line, longer than an entry may be."""
        element = json.dumps({"x": "y" * 1000}).encode()
        data = b'{"Records":[' + b",".join([element] * 200) + b"]}"

        assert [element] * 200 == read(data)

    def test_an_element_over_the_limit_is_named(self) -> None:
        """The error names the file, the record and the limit."""
        data = b'[1,"' + b"x" * 65_535 + b'"]'

        with pytest.raises(BadRecord, match=r"events\.json: record 2 .*65,535"):
            read(data)

    def test_a_document_over_the_memory_limit(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The error says how to turn it into lines, which have no limit."""
        monkeypatch.setattr(records_module, "MAX_DOCUMENT_SIZE", 10)

        with pytest.raises(BadRecord, match="one record a line"):
            read(b"[1,2,3,4,5,6,7,8]")

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"[1,2", "line 1, column 5"),
            (b"[1,]", "line 1, column 4"),
            (b"[1 2]", "line 1, column 4"),
            (b"[1,\nNaN]", "NaN is not JSON"),
            (b"[1,2]x", "Extra data"),
            (b'["\xff"]', "not UTF-8"),
            (b'{"a":\n1}', "one JSON object over several lines"),
            (b'{"Records":\n5}', '"Records" is not one array'),
            (b'{"Records":[1],\n"Records":[2]}', '"Records" is not one array'),
            (b'{"a":\n', "line 2"),
            (b'{\n"a" 1}', "':'"),
            (b"{\n1:2}", "member name"),
            (b"[" * 100_000, "recursion|nested|line 1"),
            (b"\x1f\x8b\x08", "gunzip"),
            (b"\xef\xbb\xbf[1]", "byte order mark"),
        ],
    )
    def test_refused(self, data: bytes, reason: str) -> None:
        """What is neither a document nor lines is refused, and the reason given."""
        with pytest.raises(BadRecord, match=reason):
            read(data)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.lists(JSON), st.sampled_from([None, 0, 1, 2]), st.booleans())
def test_slices_carry_the_values(
    values: list[object], indent: int | None, ensure_ascii: bool
) -> None:
    """Parsing the slices, compact or not, gives what parsing the document gives."""
    document = json.dumps(values, indent=indent, ensure_ascii=ensure_ascii)
    expected = json.loads(document)

    slices = list(record_slices(document))

    assert expected == [json.loads(slice_) for slice_ in slices]
    assert expected == [json.loads(compact(slice_)) for slice_ in slices]
    assert not any("\n" in compact(slice_) for slice_ in slices)
