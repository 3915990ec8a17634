"""What a test script found: checks are counted, the last line is `N passed, M failed`, the exit status tells the same."""
import signal
import sys
import time
import traceback


class Report:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0
        signal.signal(signal.SIGTERM, lambda *_: sys.exit('ended by SIGTERM'))  # so that what was started is stopped

    def check(self, good, what):
        """True or not true: counted; `what` is what should be true, with what was seen."""
        if good:
            self.passed += 1
        else:
            self.failed += 1
            frame = sys._getframe(1)
            while frame.f_back and frame.f_code.co_name in ('check', 'equal'):
                frame = frame.f_back
            where = frame.f_code.co_filename.rsplit('/', 1)[-1]
            print(f'not ok - {where}:{frame.f_lineno}: {what}', flush=True)
        return good

    def equal(self, got, wanted, what):
        return self.check(got == wanted, f'{what}: {got!r}, wanted {wanted!r}')

    def skip(self, what):
        """Something that was to be tried and was not: counted, and said."""
        self.skipped += 1
        print(f'skipped: {what}', flush=True)

    def run(self, *parts):
        """Each part in turn; one that breaks off has failed, and the others go on."""
        for part in parts:
            begun, before = time.monotonic(), (self.passed, self.failed)
            try:
                part()
            except Exception as error:  # noqa: BLE001
                traceback.print_exc()
                self.check(False, f'{part.__name__}: {error!r}')
            except SystemExit as error:
                self.check(False, f'{part.__name__}: {error}')
                if str(error) == 'ended by SIGTERM':
                    break
            print(f'{part.__name__}: {self.passed - before[0]} passed, {self.failed - before[1]} failed,'
                  f' {time.monotonic() - begun:.1f} s', flush=True)

    def end(self):
        """The last line; gives the exit status."""
        print(f'{self.passed} passed, {self.failed} failed' + (f', {self.skipped} skipped' if self.skipped else ''))
        return 1 if self.failed else 0


def skip(reason):
    print(f'skipped: {reason}')
    sys.exit(77)
