"""Lays the documentation out as a book for mdBook.

    stage.py ROOT DIRECTORY

The book has the repository's own layout, so that relative links of the Markdown files hold. Its contents are those of
docs/SUMMARY.md. A file that a page leads to and that is no Markdown, such as a configuration, becomes a page that shows
it, below the README.md of its directory; so does a directory. Pictures are copied.

Ends with an error where docs/SUMMARY.md lacks a Markdown file of docs/, or one that a page leads to.
"""
import posixpath
import re
import shutil
import sys
from pathlib import Path

SUMMARY = 'docs/SUMMARY.md'
PICTURES = {'.svg', '.png'}
LANGUAGES = {'.json': 'json', '.pl': 'perl', '.pm': 'perl', '.py': 'python', '.rs': 'rust', '.sh': 'bash', '.t': 'perl',
             '.toml': 'toml', '.yaml': 'yaml', '.yml': 'yaml'}

# A span of code, in which nothing is a link, or the end of a link; with a picture's "!" where it is one.
CODE_OR_LINK = re.compile(r'(?P<code>(`+)(?!`).*?(?<!`)\2(?!`))|(?P<before>!\[[^\]]*|)\]\((?P<target>[^)\s]+)\)')
FENCE = re.compile(r'\s*(```+|~~~+)')
ENTRY = re.compile(r'(?P<indent>\s*)(?P<mark>- |)\[(?P<title>[^\]]+)\]\((?P<target>[^)\s]+)\)$')


class Mistake(Exception):
    """What whoever writes the documentation must mend."""


def links_replaced(markdown, replacement):
    """The text with each target of a link replaced: replacement(target, is_picture) → target."""
    def replaced(match):
        if match['code']:
            return match[0]
        return f'{match["before"]}]({replacement(match["target"], match["before"] != "")})'

    lines, fence = [], None
    for line in markdown.splitlines(keepends=True):
        mark = FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = None
        elif mark:
            fence = mark[1]
        else:
            line = CODE_OR_LINK.sub(replaced, line)
        lines.append(line)
    return ''.join(lines)


class Book:
    def __init__(self, root, directory):
        self.root = root
        self.source = directory / 'src'
        # Pages that show a file or a directory: path of the repository → path of the page.
        self.shown = {}
        self.entries = []
        for line in (root / SUMMARY).read_text().splitlines():
            if entry := ENTRY.match(line):
                self.entries.append({**entry.groupdict(), 'path': self.resolved(SUMMARY, entry['target'])})
            elif line.startswith('# ') and line != '# Summary':
                self.entries.append({'part': line})
            elif line and not line.startswith('#'):
                raise Mistake(f'{SUMMARY}: cannot read "{line}"')
        self.pages = [entry['path'] for entry in self.entries if 'path' in entry]

    def resolved(self, page, target):
        """The path in the repository that a link leads to."""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        if path.startswith('../') or not (self.root / path).exists():
            raise Mistake(f'{page} links to "{target}", which is not there')
        if (self.root / path / 'README.md').is_file():
            path = posixpath.join(path, 'README.md')
        return path

    def target(self, page, link, is_picture):
        """What a link of a page is in the book."""
        path, _, fragment = link.partition('#')
        if re.match('[a-z]+:', link) or not path:
            return link
        path = self.resolved(page, path)
        if is_picture or Path(path).suffix in PICTURES:
            self.copy(path)
        else:
            path = self.page_of(path, page)
        relative = posixpath.relpath(path, posixpath.dirname(page) or '.')
        return relative + (f'#{fragment}' if fragment else '')

    def page_of(self, path, linking):
        if path.endswith('.md'):
            if path not in self.pages:
                raise Mistake(f'{linking} links to {path}, which {SUMMARY} lacks')
            return re.sub(r'(^|/)README\.md$', r'\1index.md', path)
        if path not in self.shown:
            self.shown[path] = f'{path}/index.md' if (self.root / path).is_dir() else f'{path}.md'
        return self.shown[path]

    def copy(self, path):
        (self.source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.root / path, self.source / path)

    def write(self, path, text):
        (self.source / path).parent.mkdir(parents=True, exist_ok=True)
        (self.source / path).write_text(text)

    # --- pages ------------------------------------------------------------

    def write_pages(self):
        if missing := sorted({str(file.relative_to(self.root)) for file in (self.root / 'docs').rglob('*.md')}
                             - {SUMMARY, *self.pages}):
            raise Mistake(f'{SUMMARY} lacks {", ".join(missing)}')
        if twice := {page for page in self.pages if self.pages.count(page) > 1}:
            raise Mistake(f'{SUMMARY} has twice: {", ".join(sorted(twice))}')
        for page in self.pages:
            if page.endswith('.md'):
                text = (self.root / page).read_text()
                self.write(self.page_of(page, SUMMARY),
                           links_replaced(text, lambda link, picture, page=page: self.target(page, link, picture)))
            else:
                self.page_of(page, SUMMARY)
        for path, page in self.shown.items():
            self.write(page, f'# {path}\n\n' + self.shows(path, posixpath.dirname(page)))

    def shows(self, path, place):
        if (self.root / path).is_dir():
            files = sorted(file for file in (self.root / path).rglob('*') if file.is_file())
            return '\n'.join(f'## {file.relative_to(self.root / path)}\n\n' + self.shows(str(file.relative_to(self.root)), place)
                             for file in files)
        self.copy(path)
        text = (self.root / path).read_text().rstrip('\n')
        fence = '`' * max(3, 1 + max(map(len, re.findall('`+', text)), default=0))
        return f'{fence}{language(path)}\n{text}\n{fence}\n\n[As a file]({posixpath.relpath(path, place or ".")})\n'

    # --- contents ---------------------------------------------------------

    def write_summary(self):
        lines = ['# Summary']
        children = {}
        for path in sorted(set(self.shown) - set(self.pages)):
            children.setdefault(self.parent(path), []).append(path)
        for entry in self.entries:
            if 'part' in entry:
                lines += ['', entry['part'], '']
                continue
            path = entry['path']
            lines.append(f'{entry["indent"]}{entry["mark"]}[{entry["title"]}]({self.page_of(path, SUMMARY)})')
            for child in children.get(path, []):
                name = posixpath.relpath(child, posixpath.dirname(path))
                lines.append(f'{entry["indent"]}  - [{name}]({self.shown[child]})')
        lines += ['', *(f'[{path}]({self.shown[path]})' for path in children.get(None, []))]
        self.write('SUMMARY.md', '\n'.join(lines) + '\n')

    def unsearched(self):
        """Settings: sources and data, which a page leads to, would hide what the pages themselves say."""
        return '\n[output.html.search.chapter]\n' + ''.join(
            f'"{page}" = {{ enable = false }}\n' for path, page in sorted(self.shown.items())
            if not path.startswith('nginx-conf/'))

    def parent(self, path):
        """The page of the nearest README.md above; None where only that of the repository is above."""
        while path := posixpath.dirname(path):
            if (readme := f'{path}/README.md') in self.pages:
                return readme
        return None


def language(path):
    # Other programs have files of this name, too.
    if path.endswith('.conf'):
        return 'nginx' if path.startswith('nginx-conf/') else 'ini'
    return LANGUAGES.get(Path(path).suffix, 'text')


def main():
    root, directory = map(Path, sys.argv[1:])
    shutil.rmtree(directory, ignore_errors=True)
    book = Book(root, directory)
    book.write_pages()
    book.write_summary()
    version = re.search(r'^version = "(.+)"$', (root / 'Cargo.toml').read_text(), re.MULTILINE)[1]
    settings = (root / 'site/book.toml').read_text().replace('@VERSION@', version)
    (directory / 'book.toml').write_text(settings + book.unsearched())
    shutil.copytree(root / 'site/theme', directory / 'theme')
    shutil.copyfile(root / 'site/style.css', directory / 'style.css')


if __name__ == '__main__':
    try:
        main()
    except Mistake as mistake:
        sys.exit(f'site/stage.py: {mistake}')
