# Fills a Request Tracker: queues, the agents, the field that keeps a ticket's key, and the user that Crosswalk works as.
# Read by rt-setup-database --action insert --datafile; the token goes into the file that RT_TOKEN_FILE names.
@Queues = map { { Name => $_, Description => "Nordwind Home: $_" } } qw(complaints shipping workshop);

@Users = (
    { Name => 'crosswalk', RealName => 'Crosswalk', EmailAddress => 'crosswalk@nordwind-home.example', Privileged => 1 },
    map { { Name => $_->[0], RealName => $_->[1], EmailAddress => "$_->[0]\@nordwind-home.example", Privileged => 1 } }
        ( [ 'greta', 'Greta Lindholm' ], [ 'henk', 'Henk Vermeer' ] ),
);

@CustomFields = (
    {   Name        => 'Crosswalk key',
        Description => 'The key under which Crosswalk made this ticket: it looks for it before it makes another one',
        Type        => 'FreeformSingle',
        LookupType  => 'RT::Queue-RT::Ticket',
        Queue       => [qw(General complaints shipping workshop)],
    },
    {   Name        => 'Crosswalk updates',
        Description => 'The keys under which Crosswalk changed this ticket',
        Type        => 'FreeformMultiple',
        LookupType  => 'RT::Queue-RT::Ticket',
        Queue       => [qw(General complaints shipping workshop)],
    },
);

@ACL = (
    ( map { { Right => $_, UserId => 'crosswalk', Object => 'RT::System' } } qw(SuperUser) ),
    map {
        my $agent = $_;
        map { { Right => $_, UserId => $agent, Object => 'RT::System' } }
            qw(ShowTicket ShowTicketComments CommentOnTicket ReplyToTicket ModifyTicket OwnTicket TakeTicket SeeQueue)
    } qw(greta henk)
);

@Final = (
    sub {
        my $user = RT::User->new( RT->SystemUser );
        $user->Load('crosswalk');
        my $current = RT::CurrentUser->new($user);
        my $token   = RT::AuthToken->new($current);
        my ( $id, $said, $text ) = $token->Create( Owner => $user->id, Description => 'Crosswalk' );
        die "no token: $said" unless $id;
        open my $file, '>', $ENV{RT_TOKEN_FILE} or die "$ENV{RT_TOKEN_FILE}: $!";
        print $file "$text\n";
        close $file;
    },
);

1;
