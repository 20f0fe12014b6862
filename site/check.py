"""Checks a built site: each link of its own leads to a file, and to a place in it; nothing comes from elsewhere; each
page has the title; what the search finds is there.

    check.py DIRECTORY TITLE

Prints one line for each fault, and fails where there is one. Links to other sites are not followed.
"""
import json
import posixpath
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# The contents without JavaScript, shown inside of other pages.
NO_PAGE = 'toc.html'
LOADED = {'audio', 'embed', 'iframe', 'img', 'object', 'script', 'source', 'video'}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.assets, self.base, self.titles, self.within = set(), [], [], None, {}, None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if attributes.get('id'):
            self.ids.add(attributes['id'])
        if tag == 'base':
            self.base = attributes.get('href')
        elif tag == 'a' and attributes.get('href') is not None:
            self.links.append(attributes['href'])
        elif tag == 'link':
            self.assets.append(attributes.get('href') or '')
        elif tag in LOADED:
            self.assets += [attributes[name] for name in ('src', 'data', 'srcset') if attributes.get(name)]
        # The browser's title, and that on the page, which a head of its own may stand beside.
        if tag == 'title' or 'menu-title' in (attributes.get('class') or '').split():
            self.within = tag

    def handle_data(self, text):
        if self.within:
            self.titles[self.within] = self.titles.get(self.within, '') + text

    def handle_endtag(self, tag):
        if tag == self.within:
            self.within = None


def is_elsewhere(url):
    parts = urlsplit(url)
    return bool(parts.scheme or parts.netloc)


class Site:
    def __init__(self, directory):
        self.directory = directory
        self.pages = {str(file.relative_to(directory)): Page(file.read_text()) for file in sorted(directory.rglob('*.html'))}
        self.faults = []

    def fault(self, where, what):
        self.faults.append(f'{where}: {what}')

    def check_link(self, where, url, base=None):
        parts = urlsplit(url)
        path = unquote(parts.path)
        if path.startswith('/'):
            # Only the page for errors, which is served under any name, knows where the site lies.
            if base is None or not path.startswith(base):
                return self.fault(where, f'"{url}" begins at the root of the server')
            path = path.removeprefix(base)
        elif path and base is None:
            path = posixpath.join(posixpath.dirname(where), path)
        path = posixpath.normpath(path) if path else ('index.html' if parts.path else where)
        if (self.directory / path).is_dir():
            path = posixpath.normpath(posixpath.join(path, 'index.html'))
        if path.startswith('../') or not (self.directory / path).is_file():
            return self.fault(where, f'"{url}" leads nowhere')
        fragment = unquote(parts.fragment)
        if fragment and (path not in self.pages or fragment not in self.pages[path].ids):
            self.fault(where, f'"{url}" leads to {path}, which has no "{fragment}"')

    def check_page(self, name, title):
        page = self.pages[name]
        for url in page.links:
            if not is_elsewhere(url):
                self.check_link(name, url, page.base)
        for url in page.assets:
            if is_elsewhere(url) and not url.startswith('data:'):
                self.fault(name, f'loads "{url}" from elsewhere')
            elif not url.startswith('data:'):
                self.check_link(name, url, page.base)
        if name == NO_PAGE:
            return
        if len(page.titles) < 2 or not all(text.strip().endswith(title) for text in page.titles.values()):
            self.fault(name, f'does not have "{title}" in its title and on the page')

    def check_style(self, name):
        for url in re.findall(r'(?:url\(|@import\s+)[\'"]?([^\'")\s;]+)', (self.directory / name).read_text()):
            if url.startswith('data:'):
                continue
            if is_elsewhere(url):
                self.fault(name, f'loads "{url}" from elsewhere')
            else:
                self.check_link(name, url)

    def check_search(self):
        indexes = list(self.directory.glob('searchindex*.js'))
        if len(indexes) != 1:
            return self.fault('.', f'has {len(indexes)} indexes for the search, not one')
        name = indexes[0].name
        literal = re.search(r"JSON\.parse\('(.*)'\)", indexes[0].read_text(), re.DOTALL)
        try:
            # A string of JavaScript, which holds JSON.
            index = json.loads(re.sub(r"\\(['\\])", r'\1', literal[1])) if literal else {}
        except ValueError as error:
            return self.fault(name, f'cannot be read: {error}')
        urls = index.get('doc_urls', [])
        if not urls:
            self.fault(name, 'finds nothing')
        for url in urls:
            self.check_link(name, url)

    def check(self, title):
        if 'index.html' not in self.pages:
            self.fault('.', 'has no index.html')
        for name in self.pages:
            self.check_page(name, title)
        for file in sorted(self.directory.rglob('*.css')):
            self.check_style(str(file.relative_to(self.directory)))
        self.check_search()


def main():
    directory, title = sys.argv[1:]
    site = Site(Path(directory))
    site.check(title)
    for fault in site.faults:
        print(fault)
    links = sum(len(page.links) for page in site.pages.values())
    if site.faults:
        sys.exit(f'site/check.py: {len(site.faults)} faults in {len(site.pages)} pages')
    print(f'{len(site.pages)} pages, {links} links: all lead somewhere')


if __name__ == '__main__':
    main()
