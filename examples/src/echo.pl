#!/usr/bin/env perl
# Gives back what was written to it last: echo.ts again, with nothing but Perl.
# Shows: a driver in any language that reads and writes files. docs/fusd-protocol.md has the messages.
#
#   perl examples/src/echo.pl &
#   echo HI THERE > /dev/echo; cat /dev/echo; cat /dev/echo

use strict;
use warnings;
use Errno qw(EINVAL);
use Fcntl qw(O_RDWR);

use constant { OPEN => 1, RELEASE => 2, READ => 3, WRITE => 4, CREATE => 32, START => 34, REPLY => 35, NO_REPLY => 1 };
use constant { MAX_IO => 65536, REQUEST_SIZE => 80 };

my $written = "";
my %at; # how far each open file has read, by its number

# length, type, flags, id; body
sub message {
    my ($kind, $body, $request) = @_;
    return pack "L S S Q a*", 16 + length $body, $kind, 0, $request, $body;
}

# What one request gets: a result, and bytes for the program.
sub answer {
    my ($kind, $file, $size, $data) = @_;
    if ($kind == OPEN) {
        $at{$file} = 0;
        return 0, "";
    }
    if ($kind == RELEASE) {
        delete $at{$file};
        return 0, "";
    }
    if ($kind == READ) {
        my $given = $at{$file} < length $written ? substr $written, $at{$file}, $size : "";
        $at{$file} += length $given;
        return length $given, $given;
    }
    if ($kind == WRITE) {
        $written = $data;
        return length $data, "";
    }
    return -EINVAL, "";
}

my $name = shift // "echo";
sysopen my $fusd, "/dev/fusd", O_RDWR or die "/dev/fusd: $!\n";

sub tell_kernel {
    defined syswrite $fusd, $_[0] or die "/dev/fusd: $!\n";
}

my $ops = 1 << OPEN | 1 << RELEASE | 1 << READ | 1 << WRITE;
# version, ops, features; flags, mode, uid, gid, max_io, five limits that are not wanted; policies; name
tell_kernel message CREATE, pack("L L Q L10 a16 a64", 1, $ops, 0, 0, 0666, 0, 0, MAX_IO, (0) x 5, "", $name), 0;
tell_kernel message START, "", 0;
$| = 1;
print "/dev/$name\n";

while (defined sysread $fusd, my $request, REQUEST_SIZE + MAX_IO) {
    my (undef, $kind, $flags, $number, $file, undef, undef, undef, undef, undef, $size) = unpack "L S S Q Q4 L3", $request;
    my ($result, $data) = answer $kind, $file, $size, substr $request, REQUEST_SIZE;
    tell_kernel message REPLY, pack("q Q L L a*", $result, 0, 0, 0, $data), $number unless $flags & NO_REPLY;
}
die "/dev/fusd: $!\n";
